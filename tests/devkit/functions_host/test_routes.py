import azure.functions as func
import pytest

from devkit.functions_host.errors import CannotStart
from devkit.functions_host.routes import Routes
from tests.devkit.functions_host.helpers import read


def routes(*templates: str, prefix: str = "api", methods: list[str] | None = None) -> Routes:
    app = func.FunctionApp()
    for number, template in enumerate(templates):

        @app.function_name(f"f{number}")
        @app.route(template, methods=methods)
        def x(req: func.HttpRequest) -> str: ...

    return Routes(read(app), prefix)


GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("leads", "/api/leads", {}),
        ("leads", "/API/Leads/", {}),
        ("leads/{id}", "/api/leads/a%20b", {"id": "a b"}),
        ("leads/{id}", "/api/leads/a%2Fb", {"id": "a%2Fb"}),
        ("leads/{id:guid}", f"/api/leads/{GUID}", {"id": GUID}),
        ("leads/{n:int}", "/api/leads/-12", {"n": "-12"}),
        ("leads/{id?}", "/api/leads", {}),
        ("leads/{id?}", "/api/leads/7", {"id": "7"}),
        ("files/{*path}", "/api/files/a/b", {"path": "a/b"}),
        ("files/{*path}", "/api/files/", {}),
        ("{a}/{b:length(2)}.json", "/api/x/yz.json", {"a": "x", "b": "yz"}),
    ],
)
def test_a_path_that_fits_the_template_is_found(template: str, path: str, parameters: dict[str, str]) -> None:
    found = routes(template).find("GET", path)
    assert found is not None
    assert found[1] == parameters


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("leads", "/leads"),
        ("leads", "/api/leads/more"),
        ("leads/{id}", "/api/leads"),
        ("leads/{id}", "/api/leads/a/b"),
        ("leads/{id:guid}", "/api/leads/12"),
        ("leads/{n:int}", "/api/leads/12x"),
        ("l.ads", "/api/leads"),
    ],
)
def test_a_path_that_does_not_fit_is_not_found(template: str, path: str) -> None:
    assert routes(template).find("GET", path) is None


def test_a_wrong_method_is_not_found() -> None:
    assert routes("leads", methods=["POST"]).find("GET", "/api/leads") is None
    assert routes("leads", methods=["POST"]).find("HEAD", "/api/leads") is None


def test_a_literal_is_preferred_to_a_parameter_and_a_constrained_one_to_a_free_one() -> None:
    table = routes("{*rest}", "leads/{id}", "leads/{n:int}", "leads/status")
    found = [table.find("GET", f"/api/{path}") for path in ("leads/status", "leads/7", "leads/x", "other")]
    assert [match[0].name for match in found if match] == ["f3", "f2", "f1", "f0"]


def test_an_empty_prefix_leaves_the_route_alone() -> None:
    assert routes("leads", prefix="").find("GET", "/leads")


@pytest.mark.parametrize("template", ["{id:datetime}", "{id:regex(a)}", "{id"])
def test_a_template_it_does_not_understand_stops_the_start(template: str) -> None:
    with pytest.raises(CannotStart, match="'f0'"):
        routes(template)
