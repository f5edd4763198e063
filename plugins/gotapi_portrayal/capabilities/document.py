"""PURE: the service metadata document (Table 10) of a catalogue, for one GetCapabilities."""

from gotapi_portrayal.capabilities.contents import contents, portrayal_capabilities
from gotapi_portrayal.capabilities.markup import (
    CORE,
    INFO,
    OWS,
    SCENE,
    VIEW,
    XLINK,
    XSI,
    Form,
    link,
    ows,
    quoted,
)
from gotapi_portrayal.capabilities.operations import operations
from gotapi_portrayal.catalogue import Catalogue, Provider, Service
from gotapi_portrayal.request.core import SECTIONS, VERSION
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.types import GetCapabilities

POSTED_VERSION = "1.0.0"  # ows:VersionType takes three numbers only; the text fixes 1.0
_SCHEMAS = "http://schemas.opengis.net/3dps/1.0/3dps-core.xsd"


def document(catalogue: Catalogue, request: GetCapabilities, url: str) -> bytes:
    """Return the document; `url` is where the service is called, its schemas are below it.

    Raises InvalidUpdateSequence for a number above the current one (OWS Common 2.0, 7.3.4).
    """
    current = catalogue.version
    if request.update_sequence is not None and request.update_sequence > current:
        raise OwsError(
            Code.INVALID_UPDATE_SEQUENCE, f"updateSequence: the highest so far is {current}"
        )
    form = Form(request.posted, language(catalogue, request))
    if request.update_sequence == current:
        return _root(catalogue, form, url, "")  # nothing new: only the attributes
    return _root(catalogue, form, url, _sections(catalogue, form, request, url))


def language(catalogue: Catalogue, request: GetCapabilities) -> str:
    """Return the best language there is, "" where none was asked for or none fits.

    Then every text comes in all its languages, which OWS Common 2.0 leaves to the server.
    """
    known = {name.lower(): name for name in catalogue.languages}
    for wanted in request.languages:
        if wanted == "*":
            return catalogue.languages[0]
        primary = wanted.lower().partition("-")[0]
        if found := known.get(wanted.lower()) or known.get(primary):
            return found
    return ""


def _sections(catalogue: Catalogue, form: Form, request: GetCapabilities, url: str) -> str:
    wanted = request.sections or frozenset(SECTIONS)
    writers = {
        "ServiceIdentification": lambda: _identification(catalogue, form),
        "ServiceProvider": lambda: _provider(catalogue.service.provider),
        "OperationsMetadata": lambda: operations(catalogue, url),
        "Languages": lambda: _languages(catalogue),
        "Contents": lambda: contents(catalogue, form),
        "PortrayalCapabilities": lambda: portrayal_capabilities(catalogue, form),
    }
    return "".join(writers[name]() for name in SECTIONS if name in wanted)


def _root(catalogue: Catalogue, form: Form, url: str, inner: str) -> bytes:
    # The posted set cannot validate a document by itself: it has no element Capabilities.
    schema = _SCHEMAS if form.posted else f"{url}/schemas/3dps-core.xsd"
    version = POSTED_VERSION if form.posted else VERSION
    spaces = {
        "core": CORE, "scene": SCENE, "view": VIEW, "info": INFO,
        "ows": OWS, "xlink": XLINK, "xsi": XSI,
    }  # fmt: skip
    location = quoted(f"{CORE} {schema}")
    names = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in spaces.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<core:Capabilities{names} xsi:schemaLocation={location} version="{version}" '
        f'updateSequence="{catalogue.version}">{inner}</core:Capabilities>\n'
    ).encode()


def _identification(catalogue: Catalogue, form: Form) -> str:
    service: Service = catalogue.service
    words = "".join(ows("Keyword", word) for word in service.keywords)
    profiles = "".join(ows("Profile", one.value) for one in catalogue.extensions)
    return (
        "<ows:ServiceIdentification>"
        f"{form.texts('Title', service.title)}{form.texts('Abstract', service.abstract)}"
        f"{f'<ows:Keywords>{words}</ows:Keywords>' if words else ''}"
        '<ows:ServiceType codeSpace="OGC">3DPS</ows:ServiceType>'
        f"{ows('ServiceTypeVersion', POSTED_VERSION)}{profiles}"
        f"{ows('Fees', service.fees)}{ows('AccessConstraints', service.access)}"
        "</ows:ServiceIdentification>"
    )


def _provider(provider: Provider) -> str:
    site = link("ProviderSite", provider.site) if provider.site else ""
    person = ows("IndividualName", provider.contact) if provider.contact else ""
    position = ows("PositionName", provider.position) if provider.position else ""
    mail = ows("ElectronicMailAddress", provider.mail)
    address = f"<ows:Address>{mail}</ows:Address>" if provider.mail else ""
    contact = f"<ows:ContactInfo>{address}</ows:ContactInfo>" if address else ""
    return (
        f"<ows:ServiceProvider>{ows('ProviderName', provider.name)}{site}"
        f"<ows:ServiceContact>{person}{position}{contact}</ows:ServiceContact>"
        "</ows:ServiceProvider>"
    )


def _languages(catalogue: Catalogue) -> str:
    inner = "".join(ows("Language", name) for name in catalogue.languages)
    return f"<ows:Languages>{inner}</ows:Languages>"
