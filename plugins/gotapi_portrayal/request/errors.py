"""The exceptions of OWS Common 2.0 and of 3DPS 1.0: code, locator and HTTP status. PURE."""

from enum import Enum
from xml.sax.saxutils import escape, quoteattr

OWS = "http://www.opengis.net/ows/2.0"
OWS_SCHEMA = "http://schemas.opengis.net/ows/2.0/owsExceptionReport.xsd"
_MAX_TEXT = 1000  # characters of a message; a client's own text in it may be long


class Code(Enum):
    """An exception code as it is written in a report."""

    # OWS Common 2.0, clause 8
    OPERATION_NOT_SUPPORTED = "OperationNotSupported"
    MISSING_PARAMETER_VALUE = "MissingParameterValue"
    INVALID_PARAMETER_VALUE = "InvalidParameterValue"
    VERSION_NEGOTIATION_FAILED = "VersionNegotiationFailed"
    INVALID_UPDATE_SEQUENCE = "InvalidUpdateSequence"
    OPTION_NOT_SUPPORTED = "OptionNotSupported"
    NO_APPLICABLE_CODE = "NoApplicableCode"
    # 3DPS 1.0, Table 25
    STYLE_NOT_DEFINED = "StyleNotDefined"
    BACKGROUND_NOT_DEFINED = "BackgroundNotDefined"
    DELIVERY_OPTION_NOT_DEFINED = "DeliveryOptionNotDefined"
    LOD_NOT_DEFINED = "LODNotDefined"
    LOD_NOT_APPLICABLE = "LODNotApplicable"
    # 3DPS 1.0, 9.5
    FORMAT_CAPABILITY_MISSING = "FormatCapabilityMissing"
    # 3DPS 1.0, Table 58
    CRS_NOT_SUPPORTED = "CRSNotSupported"
    UNKNOWN_LAYER = "UnknownLayer"
    FORMAT_NOT_SUPPORTED = "FormatNotSupported"
    EXCEPTION_NOT_SUPPORTED = "ExceptionNotSupported"


# OWS Common 2.0, 8.6: the status of each code; 3DPS gives none for its own, which are a client's.
STATUS = dict.fromkeys(Code, 400) | {
    Code.OPERATION_NOT_SUPPORTED: 501,
    Code.OPTION_NOT_SUPPORTED: 501,
    Code.NO_APPLICABLE_CODE: 500,
}


class OwsError(Exception):
    """A request that cannot be served; `status` is that of HTTP, by the code unless given."""

    def __init__(self, code: Code, text: str, locator: str = "", status: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.text = text[:_MAX_TEXT]
        self.locator = locator[:_MAX_TEXT]
        self.status = status or STATUS[code]


def missing(name: str, hint: str = "") -> OwsError:
    """Return the exception of a parameter that is not there, or empty."""
    text = f"The parameter '{name}' is missing or empty{hint and '; '}{hint}"
    return OwsError(Code.MISSING_PARAMETER_VALUE, text, name)


def invalid(name: str, text: str) -> OwsError:
    """Return the exception of a parameter with a value that cannot be right."""
    return OwsError(Code.INVALID_PARAMETER_VALUE, f"{name}: {text}", name)


def shown(value: str) -> str:
    """Return a client's text as it can stand in a message: short, on one line, quoted."""
    words = "".join(c if c.isprintable() else "?" for c in value[:60])
    return f"'{words}{'...' if len(value) > 60 else ''}'"


def report(error: OwsError, language: str = "en") -> bytes:
    """Return the exception report in XML (OWS Common 2.0, clause 8)."""
    locator = f" locator={quoteattr(_printable(error.locator))}" if error.locator else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<ows:ExceptionReport xmlns:ows="{OWS}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{OWS} {OWS_SCHEMA}" version="1.0.0" '
        f"xml:lang={quoteattr(language)}>\n"
        f'  <ows:Exception exceptionCode="{error.code.value}"{locator}>\n'
        f"    <ows:ExceptionText>{escape(_printable(error.text))}</ows:ExceptionText>\n"
        "  </ows:Exception>\n"
        "</ows:ExceptionReport>\n"
    ).encode()


def _printable(text: str) -> str:
    """Leave out what no XML document may contain (XML 1.0, 2.2)."""
    return "".join(c for c in text if c >= " " and not 0xD800 <= ord(c) <= 0xDFFF and c < "\ufffe")
