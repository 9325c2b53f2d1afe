"""Reading and writing of MATLAB files; `layout` says what they hold."""
