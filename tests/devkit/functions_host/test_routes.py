import azure.functions as func
import pytest

from devkit.functions_host.errors import CannotStart
from devkit.functions_host.routes import Routes, without_dots
from tests.devkit.functions_host.helpers import read


def routes(*templates: str, prefix: str = "api", methods: list[str] | None = None) -> Routes:
    return named({f"f{number}": template for number, template in enumerate(templates)}, prefix, methods)


def named(templates: dict[str, str], prefix: str = "api", methods: list[str] | None = None) -> Routes:
    app = func.FunctionApp()
    for name, template in templates.items():

        @app.function_name(name)
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
        ("files/{*path}", "/api/files", {}),
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


def test_of_routes_that_fit_the_first_by_the_functions_name_wins() -> None:
    """Recorded: a function `anything` took every post from `leads`, which was declared before it."""
    catch_all = {"leads": "leads", "anything": "{*path}"}
    assert found_by(named(catch_all), "leads") == "anything"
    assert found_by(named({"Leads": "leads", "zoo": "{*path}"}), "leads") == "Leads"
    assert found_by(named({"a": "leads/{id}", "B": "leads/status", "c": "leads/{n:int}"}), "leads/7") == "a"


def test_a_route_that_does_not_list_the_method_leaves_it_to_the_next() -> None:
    app = func.FunctionApp()

    @app.route("{*path}", methods=["GET", "POST"])
    def anything(req: func.HttpRequest) -> str: ...

    @app.route("leads")
    def leads(req: func.HttpRequest) -> str: ...

    table = Routes(read(app), "api")
    assert [found_by(table, "leads", method) for method in ("POST", "HEAD", "OPTIONS")] == [
        "anything",
        "leads",
        "leads",
    ]


def found_by(table: Routes, path: str, method: str = "GET") -> str:
    found = table.find(method, f"/api/{path}")
    return found[0].name if found else ""


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/api/leads", "/api/leads"),
        ("/api/console/../leads", "/api/leads"),
        ("/api/console/a/../../leads", "/api/leads"),
        ("/api/./leads/.", "/api/leads/"),
        ("/api/console/..", "/api/"),
        ("/api/console/%2e%2E/leads", "/api/leads"),
        ("/api/a..b/.c/d%2F..", "/api/a..b/.c/d%2F.."),
        ("/../../api", "/api"),
        ("/..", "/"),
        ("/api//leads/", "/api//leads/"),
    ],
)
def test_dots_are_resolved_and_nothing_leads_above_the_root(path: str, resolved: str) -> None:
    assert without_dots(path) == resolved


def test_an_empty_prefix_leaves_the_route_alone() -> None:
    assert routes("leads", prefix="").find("GET", "/leads")


@pytest.mark.parametrize("template", ["{id:datetime}", "{id:regex(a)}", "{id"])
def test_a_template_it_does_not_understand_stops_the_start(template: str) -> None:
    with pytest.raises(CannotStart, match="'f0'"):
        routes(template)
