"""The routes: parse, ask the reader, respond. `docs/http.md` is their contract."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from tensorboard import plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from tensorboard.util import tb_logging
from werkzeug import wrappers

from tb_activations import schema
from tb_activations.plugin import assets, wire
from tb_activations.plugin.reader import Reader
from tb_activations.plugin.results import NotFoundError, Scope, Series, UnavailableError

logger = tb_logging.get_logger()

_YEAR_SECONDS = 365 * 24 * 3600
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_STATIC_PREFIX = f"/plugin/{schema.PLUGIN_NAME}/static/"

_Handler = Callable[[wrappers.Request], wrappers.Response]


class MalformedError(ValueError):
    """A request whose parameters cannot be read."""


class ActivationsPlugin(base_plugin.TBPlugin):
    """Serves what `tb_activations` wrote, and the tab that shows it.

    context: TensorBoard's `TBContext` with a data provider.
    """

    plugin_name = schema.PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._reader = Reader(context.data_provider)
        self._kept = _kept_steps(context)
        self._assets = assets.load_assets()

    def get_plugin_apps(self) -> Mapping[str, Any]:
        routes: dict[str, _Handler] = {
            "/index.js": self._serve_entry,
            "/static/*": self._serve_static,
            "/runs": self._serve_runs,
            "/run": self._serve_run,
            "/health": self._serve_health,
            "/predictions": self._serve_predictions,
            "/statistics": self._serve_statistics,
            "/histogram": self._serve_histogram,
            "/image": self._serve_image,
        }
        return {route: _application(handler) for route, handler in routes.items()}

    def is_active(self) -> bool:
        # Asked only when the provider's list of plugins lacks data_plugin_names(), with no request to take them from.
        return self._reader.has_activations(Scope(plugin_util.context({})))

    def data_plugin_names(self) -> tuple[str, ...]:
        # Not images and histograms, though we read them: any picture in the directory would then make the tab active.
        return (schema.PLUGIN_NAME, schema.HEALTH_PLUGIN_NAME)

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        return base_plugin.FrontendMetadata(es_module_path=f"/{assets.ENTRY}", tab_name="Activations")

    def runs(self, scope: Scope) -> dict[str, Any]:
        found = self._reader.runs(scope)
        runs = []
        for summary in found.runs:
            fields = dataclasses.asdict(summary)
            if summary.error is None:
                del fields["error"]
            runs.append(fields)
        return {
            "schema_version": schema.SCHEMA_VERSION,
            "data_location": found.data_location,
            "total_runs": found.total_runs,
            "runs": runs,
        }

    def run(self, scope: Scope, run: str) -> dict[str, Any]:
        found = self._reader.manifest(scope, run)
        timelines = self._reader.timelines(scope, run, [layer.path for layer in found.manifest.layers])
        with_pictures = max((len(timeline.steps) for timeline in timelines.timelines), default=0)
        return {
            "run": run,
            "manifest": {**found.written, "digest": found.digest},
            "logged": max(self._reader.step_count(scope, run), with_pictures),
            "kept": self._kept,
            "timelines": [dataclasses.asdict(timeline) for timeline in timelines.timelines],
            "layers": timelines.layers,
        }

    def _serve_entry(self, request: wrappers.Request) -> wrappers.Response:
        asset = self._assets.get(assets.ENTRY)
        if asset is None:
            raise NotFoundError("This installation has no built frontend. In a checkout, build it: make frontend")
        return _respond(request, asset.content, asset.mime_type)

    def _serve_static(self, request: wrappers.Request) -> wrappers.Response:
        name = request.path.partition(_STATIC_PREFIX)[2]
        asset = self._assets.get(name)
        if asset is None:
            raise NotFoundError(f"There is no file {name!r}. Reload the page: TensorBoard may have been upgraded.")
        return _immutable(request, asset.content, asset.mime_type)

    def _serve_runs(self, request: wrappers.Request) -> wrappers.Response:
        body = _json(self.runs(_scope(request)))
        # Weak, because http_util compresses the body for those who accept it.
        tag = hashlib.sha256(body.encode()).hexdigest()[:16]
        if request.if_none_match.contains_weak(tag):
            response = _NotModified()
        else:
            response = _respond(request, body, "application/json")
        response.set_etag(tag, weak=True)
        return response

    def _serve_run(self, request: wrappers.Request) -> wrappers.Response:
        return _respond(request, _json(self.run(_scope(request), _text(request, "run"))), "application/json")

    def _serve_health(self, request: wrappers.Request) -> wrappers.Response:
        return _respond_series(request, self._reader.health(_scope(request), _text(request, "run")))

    def _serve_predictions(self, request: wrappers.Request) -> wrappers.Response:
        return _respond_series(request, self._reader.predictions(_scope(request), _text(request, "run")))

    def _serve_statistics(self, request: wrappers.Request) -> wrappers.Response:
        run, layer = _text(request, "run"), _text(request, "layer")
        return _respond_series(request, self._reader.statistics(_scope(request), run, layer))

    def _serve_histogram(self, request: wrappers.Request) -> wrappers.Response:
        run, layer = _text(request, "run"), _text(request, "layer")
        return _respond_series(request, self._reader.histogram(_scope(request), run, layer))

    def _serve_image(self, request: wrappers.Request) -> wrappers.Response:
        png = self._reader.image(
            _scope(request),
            run=_text(request, "run"),
            layer=_text(request, "layer"),
            sample=_count(request, "sample"),
            step=_integer(request, "step"),
            wall_time=_number(request, "wall_time"),
        )
        return _immutable(request, png, "image/png")


def _kept_steps(context: base_plugin.TBContext) -> int | None:
    """How many steps with pictures TensorBoard keeps: 0 for all of them, None when an outside data server decides."""
    if getattr(context.flags, "grpc_data_provider", ""):
        return None
    return (context.sampling_hints or {}).get(schema.IMAGES_PLUGIN_NAME)


def _application(handler: _Handler) -> Any:
    """A WSGI application that answers GET with the handler, and everything that goes wrong with a sentence in JSON."""

    @functools.wraps(handler)
    def respond(request: wrappers.Request) -> wrappers.Response:
        if request.method not in ("GET", "HEAD"):
            response = _error(request, 405, f"Only GET is answered here. Received: {request.method}")
            response.headers["Allow"] = "GET, HEAD"
            return response
        try:
            return handler(request)
        except (MalformedError, schema.SchemaError) as error:
            return _error(request, 400, str(error))
        except NotFoundError as error:
            return _error(request, 404, str(error))
        except UnavailableError as error:
            return _error(request, 503, str(error))
        except Exception as error:
            logger.exception("The activations plugin failed to answer %s", request.path)
            return _error(request, 500, f"The activations plugin failed ({error!r}). TensorBoard's console says where.")

    return wrappers.Request.application(respond)


def _respond(
    request: wrappers.Request, content: bytes | str, mime_type: str, code: int = 200, expires: int = 0
) -> wrappers.Response:
    response: wrappers.Response = http_util.Respond(request, content, mime_type, code=code, expires=expires)
    return response


def _error(request: wrappers.Request, code: int, sentence: str) -> wrappers.Response:
    return _respond(request, _json({"error": sentence}), "application/json", code=code)


def _respond_series(request: wrappers.Request, series: Series) -> wrappers.Response:
    return _respond(request, wire.encode_series(series), "application/octet-stream")


def _immutable(request: wrappers.Request, content: bytes, mime_type: str) -> wrappers.Response:
    response = _respond(request, content, mime_type, expires=_YEAR_SECONDS)
    response.headers["Cache-Control"] = f"private, max-age={_YEAR_SECONDS}, immutable"
    return response


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


class _NotModified(wrappers.Response):
    """Werkzeug takes the Content-Type from a 304, and TensorBoard warns of every response that has none."""

    default_status = 304

    def get_wsgi_headers(self, environ: Any) -> Any:
        headers = super().get_wsgi_headers(environ)
        headers["Content-Type"] = "application/json"
        return headers


def _scope(request: wrappers.Request) -> Scope:
    return Scope(plugin_util.context(request.environ), plugin_util.experiment_id(request.environ))


def _malformed(name: str, expected: str, received: str | None) -> NoReturn:
    raise MalformedError(f"The parameter {name} has to be {expected}. Received: {received!r}")


def _text(request: wrappers.Request, name: str) -> str:
    value: str | None = request.args.get(name)
    # A run in the log directory itself is called ".", so an empty name is always a mistake.
    return value or _malformed(name, "there", value)


def _integer(request: wrappers.Request, name: str) -> int:
    value = request.args.get(name, "")
    # Not int() alone: it reads "1_0" and digits of other scripts.
    return int(value) if _INTEGER.fullmatch(value) else _malformed(name, "an integer", value)


def _count(request: wrappers.Request, name: str) -> int:
    value = _integer(request, name)
    return value if value >= 0 else _malformed(name, "0 or more", str(value))


def _number(request: wrappers.Request, name: str) -> float:
    value = request.args.get(name, "")
    try:
        number = float(value)
    except ValueError:
        _malformed(name, "a number", value)
    return number if math.isfinite(number) else _malformed(name, "a finite number", value)
