"""Colour maps for relaxation times: `lipari` for T1, `navia` for T2, both also by name in `to_rgb`."""  # noqa: N999

from __future__ import annotations

from imagedata.colour import colour_map

__all__ = ['lipari', 'navia']

lipari = colour_map('lipari')
navia = colour_map('navia')
