"""PURE: CityGML 1.0, 2.0 and 3.0 files, member by member; a member is all that is in memory."""

from typing import BinaryIO, Final

import numpy as np

from gotapi_portrayal.data.citygml_features import Walker
from gotapi_portrayal.data.citygml_looks import Looks
from gotapi_portrayal.data.citygml_xml import local, members, scan
from gotapi_portrayal.data.sink import Head, Sink

_MEMBERS: Final = ("cityObjectMember", "featureMember")
_SHARED: Final = ("relativeGMLGeometry", "relativeGeometry")


class CityGml:
    """A file that can seek."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = max(size, 1)
        self._crs, self._place, self._again = scan(file)

    @property
    def head(self) -> Head:
        """What the file says of itself."""
        places = [] if self._place is None else [self._place]
        return Head(self._crs, "", np.array(places, np.float64).reshape(-1, 3), True)

    def read(self, sink: Sink) -> None:
        """Tell everything that is in it."""
        looks = Looks(sink)
        walker = Walker(sink, looks)
        begin = 0.0
        if self._again:
            begin = 0.3
            self._shared(walker, looks, sink)
        for element in members(self._file, (*_MEMBERS, "appearanceMember")):
            if local(element) in _MEMBERS:
                walker.member(element)
            sink.progress(begin + (1 - begin) * self._file.tell() / self._size)

    def _shared(self, walker: Walker, looks: Looks, sink: Sink) -> None:
        """Read what may stand behind its use: looks, and shapes of implicit geometries."""
        for element in members(self._file, (*_MEMBERS, *_SHARED, "Appearance")):
            if local(element) == "Appearance":
                looks.appearance(element)
            elif local(element) in _SHARED:
                walker.template(element)
            sink.progress(0.3 * self._file.tell() / self._size)
