"""The methods of Series about looking: windows on the screen, regions, colours, pictures.

They delegate; the modules that do the work, and matplotlib, are imported when first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from .header import Header
    from .roi import Outline, TimeCourse
    from .viewer.window import Viewer

__all__ = ['PictureMethods']

_PROBS = (0.01, 0.999)


class PictureMethods:
    """Methods of Series that show it."""

    header: Header
    viewer: Any = None
    latest_roi_parameters: dict[str, Any] | None = None

    # --- colour ----------------------------------------------------------------------------------

    @property
    def colormap(self) -> Any:
        """Colour map to show the values with, as set: a name or object of matplotlib, or None."""
        return self.header.attributes.get('colormap')

    @colormap.setter
    def colormap(self, value: Any) -> None:
        self.header = self.header.with_attributes(colormap=value)

    @property
    def colormap_norm(self) -> Any:
        """How values become colours, as set: 'linear', 'log', a Normalize of matplotlib, or None."""
        return self.header.attributes.get('colormap_norm')

    @colormap_norm.setter
    def colormap_norm(self, value: Any) -> None:
        self.header = self.header.with_attributes(colormap_norm=value)

    @property
    def colormap_label(self) -> str | None:
        """Text beside the colour bar, as set."""
        return self.header.attributes.get('colormap_label')

    @colormap_label.setter
    def colormap_label(self, value: str | None) -> None:
        self.header = self.header.with_attributes(colormap_label=None if value is None else str(value))

    def calculate_clip_range(
        self, probs: tuple[float, float] = _PROBS, bins: int | None = None
    ) -> tuple[float, float]:
        """Return the values below which given parts of all finite values lie.

        Parameters
        ----------
        probs : pair of float
            Parts, from 0 to 1.
        bins : int, optional
            From a histogram of so many bins, which is faster for many values and less exact.
        """
        import numpy as np

        from .colour import clip_range

        return clip_range(self.view(np.ndarray), probs, bins)  # type: ignore[attr-defined]

    def to_channels(self, channels: Sequence[Any], labels: Sequence[str]) -> Any:
        """Return a Series with several values in each voxel, picked by name: `c['fat']`.

        Parameters
        ----------
        channels : sequence of array_like
            Each of this Series' shape.
        labels : sequence of str
            A name for each.

        Raises
        ------
        BadShapeGiven
            When a shape differs.
        """
        from .fusion import to_channels

        return to_channels(self, channels, labels)  # type: ignore[arg-type]

    def to_rgb(
        self,
        colormap: Any = 'Greys_r',
        lut: int | None = None,
        norm: Any = 'linear',
        clip: str = 'window',
        probs: tuple[float, float] = _PROBS,
    ) -> Any:
        """Return the Series in colour.

        Parameters
        ----------
        colormap : str or matplotlib Colormap
            One of matplotlib's, 'navia' or 'lipari'.
        lut : int, optional
            Number of colours.
        norm : {'linear', 'log'} or matplotlib Normalize
        clip : {'window', 'hist'}
            Which values get the first and the last colour: the ends of the display window, or
            `calculate_clip_range(probs)`.
        probs : pair of float

        Raises
        ------
        ValueError
            For an unknown colour map, norm or clip.
        """
        from .fusion import series_to_rgb

        return series_to_rgb(self, colormap, lut, norm, clip, probs)  # type: ignore[arg-type]

    def to_gray(self, weights: tuple[float, float, float] = (0.299, 0.587, 0.114)) -> Any:
        """Return a colour Series as grey, float64.

        Parameters
        ----------
        weights : tuple of 3 float
            Of red, green and blue: brightness as the eye sees it (ITU-R BT.601, luma). The plain mean
            is (1 / 3, 1 / 3, 1 / 3).

        Raises
        ------
        DataTypeError
            For a Series without colour.
        """
        from .fusion import to_gray

        return to_gray(self, weights)  # type: ignore[arg-type]

    def fuse_mask(
        self,
        mask: Any,
        alpha: float = 0.7,
        blend: bool = False,
        colormap: Any = 'Greys_r',
        lut: int | None = None,
        norm: Any = 'linear',
        clip: str = 'window',
        probs: tuple[float, float] = _PROBS,
        maskmap: Any = 'magma',
        maskrange: tuple[float, float] | None = None,
        sigma: float = 1.5,
    ) -> Any:
        """Return the images in colour, with a mask or a map laid on.

        Each channel is (1 - alpha) overlay + background, or, with `blend`, (1 - alpha) overlay +
        alpha background; rounded, 255 at most.

        Parameters
        ----------
        mask : Series
            Booleans, or 0 and 1: red. Other values: in the colours of `maskmap`. Its voxels are
            found by place where its grid is another one; where it has no value (NaN, or outside of
            it), the background stays as it is.
        alpha : float
            From 0 to 1.
        blend : bool
        colormap, lut, norm, clip, probs
            Of the background: see `to_rgb`.
        maskmap : str or matplotlib Colormap
        maskrange : pair of float, optional
            Values that get its first and last colour; least and greatest when not given.
        sigma : float
            Width in pixels of the Gaussian that softens a mask of 0 and 1; 0 shows its very pixels.

        Raises
        ------
        BadShapeGiven
            When shapes differ, and one of the two has no place in the patient.
        GeometryMismatchError
            When the frames of reference differ.
        """
        from .fusion import fuse_mask

        return fuse_mask(
            self, mask, alpha=alpha, blend=blend, colormap=colormap, lut=lut, norm=norm, clip=clip,  # type: ignore[arg-type]
            probs=probs, maskmap=maskmap, maskrange=maskrange, sigma=sigma,
        )  # fmt: skip

    # --- windows -----------------------------------------------------------------------------------

    def show(
        self,
        im2: Any = None,
        fig: Any = None,
        ax: Any = None,
        colormap: Any = None,
        norm: Any = None,
        colorbar: bool | None = None,
        window: float | None = None,
        level: float | None = None,
        link: bool = False,
        overlay: Any = None,
    ) -> Viewer:
        """Show the images in a window, or in a notebook, with keys and mouse.

        Parameters
        ----------
        im2 : Series or list of Series, optional
            To show beside it.
        fig, ax : matplotlib Figure, Axes, optional
            Where; a new window when not given.
        colormap : str or matplotlib Colormap, optional
            Grey, or that of `series.colormap`, when not given.
        norm : {'linear', 'log'} or matplotlib Normalize, optional
        colorbar : bool, optional
            Whether there is a colour bar; when not given, for colour maps other than grey.
        window, level : float, optional
            Those of the Series when not given.
        link : bool
            Whether all series move together, to the same place in the patient.
        overlay : Series, optional
            A mask or map to lay on, by its place.

        Returns
        -------
        Viewer
            Its `keys` lists what keys do.

        Raises
        ------
        NoDisplayError
            When there is neither a screen nor a notebook; the message tells how to view then.
        """
        viewer = self._viewer(im2, fig, ax, colormap, norm, colorbar, window, level, link, overlay)
        self.viewer = viewer
        return viewer.show()

    def _viewer(
        self, im2: Any, fig: Any, ax: Any, colormap: Any, norm: Any, colorbar: bool | None,
        window: float | None, level: float | None, link: bool, overlay: Any = None, follow: bool = False,
        onselect: Callable[..., None] | None = None,
    ) -> Viewer:  # fmt: skip
        from .viewer.window import Viewer

        beside = [] if im2 is None else list(im2) if isinstance(im2, (list, tuple)) else [im2]
        return Viewer(
            [self, *beside], fig, ax, follow, colormap, norm, colorbar, window, level, link,  # type: ignore[list-item]
            onselect, overlay,
        )  # fmt: skip

    # --- regions of interest -----------------------------------------------------------------------

    def get_roi(
        self,
        roi: Any = None,
        color: str = 'r',
        follow: bool = False,
        vertices: bool = False,
        im2: Any = None,
        fig: Any = None,
        ax: Any = None,
        colormap: Any = None,
        norm: Any = None,
        colorbar: bool | None = None,
        window: float | None = None,
        level: float | None = None,
        link: bool = False,
        single: bool = False,
        onselect: Callable[..., None] | None = None,
    ) -> Any:
        """Let regions be drawn, and return their mask: a pixel is in when its centre is.

        Parameters
        ----------
        roi : mapping or Series, optional
            Outlines, or a mask, to start with.
        color : str
            Of the line.
        follow : bool
            Regions belong to tags too: one holds until the next one on its slice.
        vertices : bool
            Return the outlines as well.
        im2, fig, ax, colormap, norm, colorbar, window, level, link
            As of `show`.
        single : bool
            With `follow`, one slice for each tag.
        onselect : callable, optional
            Called with slice, tag and outline when one was drawn.

        Returns
        -------
        Series of uint8, or (Series, dict)
            (slice, row, column), or with `follow` (tag..., slice, row, column). None in a notebook,
            where the program does not wait: call `get_roi_mask()` when you have drawn.

        Raises
        ------
        ValueError
            When nothing was drawn.
        NoDisplayError
            When there is neither a screen nor a notebook with a mouse.
        """
        from .errors import NoDisplayError

        viewer = self._viewer(
            im2, fig, ax, colormap, norm, colorbar, window, level, link, None, follow, onselect
        )
        if not viewer.can_draw():
            raise NoDisplayError(
                'regions cannot be drawn on a still picture: run %matplotlib widget in the notebook first '
                '(pip install ipympl); mask_from_vertices() makes masks without drawing'
            )
        outlines = self.vertices_from_grid(roi) if hasattr(roi, 'header') else roi
        viewer.connect_draw(outlines, color, single=single)
        self.viewer = viewer
        self.latest_roi_parameters = {'follow': follow, 'vertices': vertices, 'single': single}
        waited = viewer.has_window()
        viewer.show(block=True)
        return self.get_roi_mask() if waited else None

    def get_roi_mask(self) -> Any:
        """Return the mask, as `get_roi` would, of what was drawn last.

        Raises
        ------
        ValueError
            When `get_roi` was not called before, or nothing was drawn.
        """
        asked = self.latest_roi_parameters
        if self.viewer is None or asked is None:
            raise ValueError('nothing was drawn on this Series: call get_roi() first')
        mask = self.viewer.get_roi(asked['single'])
        return (mask, self.viewer.vertices) if asked['vertices'] else mask

    def vertices_from_grid(self, grid: Any, align: bool = True) -> dict[Any, Outline]:
        """Return the outlines of a mask, as `get_roi(roi=...)` takes them.

        Parameters
        ----------
        grid : Series or array
            Not 0 within.
        align : bool
            Find the mask's voxels by place, where its grid is another one.

        Returns
        -------
        dict
            Of slice, or (tag, slice), to points (x, y) = (column, row). Their mask is the given one,
            also where it has holes or several parts.
        """
        from .roi import vertices_from_grid

        return vertices_from_grid(self, grid, align)  # type: ignore[arg-type]

    def mask_from_vertices(self, vertices: Mapping[Any, Outline], single: bool = False) -> Any:
        """Return the mask of outlines, without a window.

        Parameters
        ----------
        vertices : mapping
            Of slice, or (tag, slice), to points (x, y) = (column, row), or an `imagedata.roi.Ellipse`.
        single : bool
            One slice for each tag.

        Returns
        -------
        Series of uint8
        """
        from .roi import grid_from_roi

        return grid_from_roi(self, vertices, single)  # type: ignore[arg-type]

    def timecourse(self, mask: Any) -> TimeCourse:
        """Return statistics of a region along the tag axis.

        Parameters
        ----------
        mask : Series or array
            Not 0 within. Of one volume, or one for each tag; found by place where its grid is
            another one.

        Returns
        -------
        TimeCourse
            With `tags`, `mean`, `std`, `median`, `minimum`, `maximum`, `count`, and the methods
            `plot()` and `to_csv()`.
        """
        from .roi import timecourse

        return timecourse(self, mask)  # type: ignore[arg-type]

    # --- pictures ------------------------------------------------------------------------------------

    def montage(
        self, slices: Any = None, tag: Any = 0, columns: int | None = None, scale: float = 1.0, **options: Any
    ) -> Image:
        """Return slices side by side as a picture of Pillow.

        Parameters
        ----------
        slices : int or sequence of int, optional
            All when not given.
        tag : int or tuple of int
            Index along the tag axes.
        columns : int, optional
            Pictures in a row.
        scale : float
            Size, as a multiple of the images' own. Pixels become square.
        **options
            `colormap`, `norm`, `window`, `level`, `overlay` and `alpha`, as of `show`.
        """
        from .pictures import montage

        return montage(self, slices, tag, columns, scale, **options)  # type: ignore[arg-type]

    def to_png(self, path: str | PathLike[str], **options: Any) -> None:
        """Write a montage as a PNG file.

        Parameters
        ----------
        path : str or path
        **options
            As of `montage`: `slices=12` for one slice.

        Raises
        ------
        WriteError
            When the file cannot be written.
        """
        from .pictures import write_png

        write_png(self, path, **options)  # type: ignore[arg-type]

    def to_gif(
        self, path: str | PathLike[str], fps: float | None = None, slices: Any = None, **options: Any
    ) -> None:
        """Write a film as a moving GIF file: along the first tag axis, or from slice to slice.

        Parameters
        ----------
        path : str or path
        fps : float, optional
            Pictures in a second. When not given, each picture is seen for as long as it was in the
            patient where images follow each other in less than half a second, else 10 in a second.
        slices : int or sequence of int, optional
            With a tag axis, the slices that are seen side by side: the middle one when not given.
        **options
            `scale`, and those of `montage`.
        """
        from .pictures import write_gif

        write_gif(self, path, fps, slices, **options)  # type: ignore[arg-type]

    def to_video(
        self, path: str | PathLike[str], fps: float | None = None, slices: Any = None, **options: Any
    ) -> None:
        """Write a film as `to_gif` does, in the format of the name (`.mp4`), with the program ffmpeg.

        Raises
        ------
        MissingDependencyError
            When there is no ffmpeg.
        """
        from .pictures import write_video

        write_video(self, path, fps, slices, **options)  # type: ignore[arg-type]

    def to_html(
        self, path: str | PathLike[str], patient: bool = False, colormap: Any = None,
        window: float | None = None, level: float | None = None, norm: Any = None, overlay: Any = None,
        maskmap: Any = 'magma', alpha: float = 0.7,
    ) -> None:  # fmt: skip
        """Write a viewer for any browser in one file: slices, tags and window, without a network.

        Parameters
        ----------
        path : str or path
        patient : bool
            Whether patient and study are told.
        colormap, norm, window, level
            As of `show`.
        overlay : Series, optional
            A mask or map to lay on, by its place; a map in 254 steps.
        maskmap : str or matplotlib Colormap
            Colours of a map.
        alpha : float
            From 0 to 1: how little of the overlay is seen at the start; a slider changes it.

        Raises
        ------
        ValueError
            When the images are too many for a page.
        """
        from .viewer.page import html_page
        from .whole_file import write_whole

        page = html_page(self, patient, colormap, window, level, norm, overlay, maskmap, alpha)  # type: ignore[arg-type]
        write_whole(path, page.encode())

    def preview(self, patient: bool = False) -> str:
        """Return a few slices, the axes and the place as HTML that needs nothing else.

        Parameters
        ----------
        patient : bool
            Whether patient and study are told.
        """
        from .viewer.preview import preview_html

        return preview_html(self, patient)  # type: ignore[arg-type]

    def _repr_html_(self) -> str:
        return self.preview()
