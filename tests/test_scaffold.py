"""cfngen init: what it makes of projects as they are, and that the result generates and is clean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from cfngen import CodeCommit, DescriptionError, OutputError, Pipeline, Service
from cfngen.cli import cli
from cfngen.load import load
from cfngen.scaffold import draft, write_new
from cfngen.scaffold.dockerfile import health_path, read_dockerfile
from cfngen.stacks.trigger import folders

RAILS = {
    "Dockerfile": """\
# syntax=docker/dockerfile:1
ARG RUBY_VERSION=3.3.5
FROM docker.io/library/ruby:$RUBY_VERSION-slim AS base
ENV RAILS_ENV="production" BUNDLE_PATH=/usr/local/bundle
FROM base AS build
RUN <<EOF
bundle install
USER nobody
EOF
FROM base
RUN groupadd --system --gid 1000 rails && \\
    useradd rails --uid 1000 --gid 1000
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=30s CMD curl -f http://localhost:3000/up || exit 1
CMD ["./bin/rails", "server"]
""",
    "compose.yaml": """\
x-app: &app
  build: .
  environment: &env
    RAILS_ENV: development
    DATABASE_URL: mysql2://shop:secret@db/shop
    REDIS_URL: redis://redis:6379/0
    RAILS_MASTER_KEY:
    LANG: C.UTF-8
services:
  web:
    <<: *app
    ports: ["127.0.0.1:3000:3000"]
    depends_on: {db: {condition: service_healthy}}
  sidekiq:
    <<: *app
    command: bundle exec sidekiq
  db:
    image: mysql:8.4
  redis:
    image: redis:7-alpine
""",
    ".git/config": '[remote "origin"]\n\turl = git@github.com:acme/rails-shop.git\n',
}
DJANGO = {
    "Dockerfile": "FROM python:3.13\nARG UID=10001\nUSER ${UID}\nEXPOSE 8000/tcp\nVOLUME /app/media\n",
    "docker-compose.yml": """\
services:
  app:
    build: {context: ., args: {DEBUG: 1}}
    env_file: [web.env]
    ports: ["8000:8000"]
    healthcheck: {test: ["CMD-SHELL", "curl -f http://127.0.0.1:8000/healthz/ || exit 1"]}
  postgres: {image: "postgres:17"}
  mailhog: {image: mailhog/mailhog, profiles: [debug]}
""",
    "web.env": "DJANGO_SECRET_KEY=abc\nDJANGO_LOG=info\nexport WORKERS='3'\n",
}
NODE = {
    "Dockerfile": "FROM node:22 AS deps\nFROM deps AS dev\nEXPOSE 9229\nFROM deps\nENV PORT 4000\nUSER node\n",
    "compose.yaml": "services:\n  api:\n    extends: {file: common.yaml, service: base}\n    environment: ['LEVEL=${LEVEL:-info}', TZ]\n",
    "common.yaml": "services:\n  base:\n    build: .\n    environment: {NODE_ENV: development}\n",
    "package.json": "{}",
}
PHP = {
    "Dockerfile": "FROM php:8.3-apache\nCOPY . /var/www/html\nEXPOSE 80 443/udp\n",
    "docker-compose.yml": "version: '3'\nservices:\n  www:\n    build: .\n    ports: ['22:22', '8080:80']\n    volumes: ['./:/var/www/html', 'uploads:/var/www/uploads']\n",
}
GO = {
    "cmd/server/Dockerfile": "FROM golang:1.24 AS b\nFROM scratch\nCOPY --from=b /s /s\nUSER 65532:65532\nEXPOSE 8080\n"
}
MONOREPO = {
    "apps/web/Dockerfile": "FROM node:22\nUSER 1000\nEXPOSE 3000\n",
    "apps/api/Dockerfile": "FROM node:22\nUSER 1000\nEXPOSE 4000\nHEALTHCHECK CMD wget -q http://localhost:4000/api/health\n",
    "apps/api/node_modules/x/Dockerfile": "FROM scratch\n",
    "packages/ui/index.js": "",
    "compose.yml": """\
services:
  web: {build: {context: ., dockerfile: apps/web/Dockerfile}, ports: [{target: 3000, published: 80}]}
  api: {build: {context: ., dockerfile: apps/api/Dockerfile, target: ""}, expose: ["4000"]}
""",
}
PODCASTS = {
    "feeds/Dockerfile": "FROM golang:1.24\nUSER 1000\nEXPOSE 9090\n",
    "player/Dockerfile": "FROM node:22\nUSER 1000\nEXPOSE 3000\n",
    "compose.yaml": """\
services:
  feeds: {build: feeds, ports: ["8080:9090"]}
  player: {build: player, ports: ["127.0.0.1:80:3000"]}
  db: {image: "postgres:17", environment: {POSTGRES_DB: podcasts, POSTGRES_PASSWORD: secret}}
""",
}
QUEUES = {
    "app/Dockerfile": "FROM ruby:3\nUSER 1000\nEXPOSE 3000\n",
    "packer/Dockerfile": "FROM rust:1\nUSER 1000\n",
    "sweep/Dockerfile": "FROM python:3.13\nUSER 1000\nEXPOSE 5555\n",
    "compose.yaml": """\
services:
  web:
    build: app
    ports: [3000]
    depends_on: {prepare: {condition: service_completed_successfully}}
  prepare: {build: app, command: bin/prepare}
  migrate: {build: app, command: bin/rails db:migrate}
  mailers: {build: app, command: "sh -c \\"bin/jobs -q 'mail x'\\""}
  cron: {build: app, command: supercronic /etc/crontab}
  css: {build: app, command: bin/rails tailwindcss:watch}
  packer: {build: packer, entrypoint: [pack]}
  sweep: {build: sweep, command: celery -A sweep worker}
  beat: {build: sweep, command: celery -A sweep beat}
""",
}
PROJECTS = {
    "queues": QUEUES,
    "rails-shop": RAILS,
    "django": DJANGO,
    "node": NODE,
    "php": PHP,
    "go": GO,
    "monorepo": MONOREPO,
    "podcasts": PODCASTS,
}


def make(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Any:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(cli, ["init", *words])


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_gets_a_description_that_generates(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path / name, PROJECTS[name])
    done = run(folder, monkeypatch)
    assert done.exit_code == 0, done.output
    text = Path("cfngen.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=cfngen.schema.json\n")
    assert json.loads(Path("cfngen.schema.json").read_text(encoding="utf-8"))["title"] == "cfngen.yaml"
    assert json.loads(Path(".devcontainer/devcontainer.json").read_text(encoding="utf-8"))["features"]
    generated = CliRunner().invoke(cli, ["generate"])
    assert generated.exit_code == 0, generated.output
    assert f"templates/{name}/dev" in generated.output


def test_what_init_writes_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(make(tmp_path / "rails-shop", RAILS), monkeypatch).exit_code == 0
    assert CliRunner().invoke(cli, ["generate"]).exit_code == 0
    done = subprocess.run(
        [sys.executable, "-m", "cfngen", "check"], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def described(files: Mapping[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    done = run(make(folder, files), monkeypatch)
    assert done.exit_code == 0, done.output
    return load(Path("cfngen.yaml"))[0], done.output


def test_rails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, said = described(RAILS, tmp_path / "rails-shop", monkeypatch)
    (web,) = app.services
    assert (web.source, web.port, web.health_path, web.user) == (".", 3000, "/up", "1000:1000")
    assert web.environment == {"LANG": "C.UTF-8", "RAILS_ENV": "production"}
    (sidekiq,) = app.workers
    assert (sidekiq.name, sidekiq.source, sidekiq.command) == ("sidekiq", ".", ("bundle", "exec", "sidekiq"))
    assert (sidekiq.user, sidekiq.environment) == (web.user, web.environment)
    assert app.database.engine == "mysql"
    assert app.pipeline.source.repository == "acme/rails-shop"
    assert "shop:secret" not in Path("cfngen.yaml").read_text(encoding="utf-8")
    for sentence in (
        "web: secret variables, whose values are not copied: DATABASE_URL, RAILS_MASTER_KEY",
        "web: variables that name hosts of compose: REDIS_URL",
        "redis: redis:7-alpine; cfngen makes none",
    ):
        assert f"undecided: {sentence}" in said


def test_django(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, said = described(DJANGO, tmp_path / "django", monkeypatch)
    (web,) = app.services
    assert (web.port, web.health_path, web.user) == (8000, "/healthz/", "10001")
    assert web.environment == {"DJANGO_LOG": "info", "WORKERS": "3"}
    assert "keeps files in /app/media" in said
    assert "compose gives build arguments" in said
    assert "abc" not in Path("cfngen.yaml").read_text(encoding="utf-8")


def test_node_extends_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, said = described(NODE, tmp_path / "node", monkeypatch)
    (api,) = app.services
    assert (api.name, api.port) == ("api", 4000)
    assert api.environment == {"LEVEL": "info", "NODE_ENV": "production"}
    assert "runs as node, and a task needs the number" in said
    assert "only your machine knows: TZ" in said
    assert "ghcr.io/devcontainers/features/node:1" in Path(".devcontainer/devcontainer.json").read_text(
        encoding="utf-8"
    )


def test_what_a_description_has_no_word_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose = (
        "services:\n"
        "  web: {build: web, ports: [3000], command: [npm, start]}\n"
        "  api: {build: api, ports: [3000], entrypoint: ./run}\n"
        "  db: {image: 'mariadb:11', environment: {MARIADB_DATABASE: shop-db}}\n"
    )
    image = "FROM x\nUSER 1000\nEXPOSE 3000\n"
    files = {"compose.yaml": compose, "web/Dockerfile": image, "api/Dockerfile": image}
    app, said = described(files, tmp_path / "two", monkeypatch)
    assert app.database.name == "app"
    assert "web: compose gives a command (npm start); a service runs what its image runs" in said
    assert "api: compose gives an entrypoint; a service runs what its image runs" in said
    assert "db: its name is shop-db; " in said


def test_where_only_root_may_write_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "a/Dockerfile": "FROM x\nEXPOSE 8081\nVOLUME /tmp /var/cache/nginx\n",
        "b/Dockerfile": "FROM x\nEXPOSE 8082\n",
    }
    _, said = described(files, tmp_path / "two", monkeypatch)
    assert "in /tmp;" not in said
    assert "a: keeps files in /var/cache/nginx; " in said
    text = Path("cfngen.yaml").read_text(encoding="utf-8")
    one, other = (line.strip() for line in text.splitlines() if "writable_paths: " in line)
    assert one == "writable_paths: [/tmp] # all else is read-only"
    assert other == f"{one}; for a user that is not root its Dockerfile has to say VOLUME /tmp"


def test_php_listens_on_a_port_of_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, said = described(PHP, tmp_path / "php", monkeypatch)
    assert app.services[0].port == 8080
    assert "make it listen on PORT, which is 8080" in said
    assert "keeps files in /var/www/uploads" in said
    assert "keeps files in /var/www/html" not in said


def test_a_monorepo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = described(MONOREPO, tmp_path / "monorepo", monkeypatch)
    web, api = (app.service(name) for name in ("web", "api"))
    assert (web.source, web.build_context, web.shared, web.paths) == ("apps/web", ".", ("packages",), ("/*",))
    assert (api.paths, api.health_path, api.port) == (("/api", "/api/*"), "/api/health", 4000)


def test_who_is_published_where_browsers_come_gets_what_is_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = described(PODCASTS, tmp_path / "podcasts", monkeypatch)
    assert {each.name: each.paths for each in app.services} == {"feeds": ("/feeds", "/feeds/*"), "player": ("/*",)}
    assert (app.database.engine, app.database.name) == ("postgres", "podcasts")


def test_a_name_that_no_database_takes_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose = PODCASTS["compose.yaml"].replace("POSTGRES_DB: podcasts", "POSTGRES_DB: My-Podcasts")
    app, _ = described({**PODCASTS, "compose.yaml": compose}, tmp_path / "podcasts", monkeypatch)
    assert app.database.name == "app"


def test_what_nobody_calls_becomes_a_worker_or_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, said = described(QUEUES, tmp_path / "queues", monkeypatch)
    assert [each.name for each in app.services] == ["web"]
    assert {each.name: (each.source, each.command) for each in app.workers} == {
        "mailers": ("app", ("sh", "-c", "bin/jobs -q 'mail x'")),
        "packer": ("packer", ()),
        "sweep": ("sweep", ("celery", "-A", "sweep", "worker")),
    }
    for sentence in (
        "cron: starts others at given times (supercronic /etc/crontab) with the image of web; left out",
        "beat: starts others at given times (celery -A sweep beat) with the image of sweep; left out",
        "prepare: runs once (bin/prepare) with the image of web; left out",
        "migrate: runs once (bin/rails db:migrate) with the image of web; left out",
        "css: is for developers (bin/rails tailwindcss:watch); left out",
        "packer: compose gives an entrypoint; a task keeps the image's",
    ):
        assert f"undecided: {sentence}" in said
    text = Path("cfngen.yaml").read_text(encoding="utf-8")
    assert "#   cron: {image_of: web, command: [...], schedule: 'cron(0 3 * * ? *)'}" in text
    head, marked, rest = text.partition("# scheduled_tasks:\n")
    lines = rest.splitlines()
    lines[:2] = [line.removeprefix("# ").replace("[...]", "[x]") for line in lines[:2]]
    Path("cfngen.yaml").write_text(f"{head}{marked.removeprefix('# ')}" + "\n".join(lines), encoding="utf-8")
    assert [each.image_of for each in load(Path("cfngen.yaml"))[0].scheduled_tasks] == ["sweep", "web"]


def test_workers_alone_are_no_application(tmp_path: Path) -> None:
    files = {
        "Dockerfile": "FROM a\n",
        "compose.yaml": "services:\n  a: {build: ., command: rq worker}\n  b: {build: .}\n",
    }
    with pytest.raises(DescriptionError, match="no application without a service behind its balancer"):
        draft(make(tmp_path, files))


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {**GO, "cfngen.yaml": "mine"})
    done = run(tmp_path, monkeypatch)
    assert isinstance(done.exception, DescriptionError)
    assert Path("cfngen.yaml").read_text(encoding="utf-8") == "mine"
    Path("cfngen.yaml").unlink()
    make(tmp_path, {".devcontainer/devcontainer.json": "mine", "cfngen.schema.json": "mine"})
    assert run(tmp_path, monkeypatch).exit_code == 0
    assert Path(".devcontainer/devcontainer.json").read_text(encoding="utf-8") == "mine"
    assert Path("cfngen.schema.json").read_text(encoding="utf-8") == "mine"


def test_all_files_or_none(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="nothing was changed"):
        write_new(tmp_path, {"a": "ours", "b": "ours"})
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"b": "mine"}


def test_a_folder_without_an_image_is_told(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match="a folder with a Dockerfile in it or below"):
        draft(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "services: []", "- a", "services: {a: *b}"])
def test_a_broken_compose_file_is_told(text: str, tmp_path: Path) -> None:
    make(tmp_path, {**GO, "compose.yaml": text})
    with pytest.raises(DescriptionError, match=r"compose\.yaml"):
        draft(tmp_path)


def test_a_name_and_a_repository_may_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(make(tmp_path / "go", GO), monkeypatch, "--name", "gopher", "--repository", "acme/gopher", "--yes")
    assert "pipeline:" not in done.output
    (app,) = load(Path("cfngen.yaml"))
    assert (app.name, app.pipeline.source.repository) == ("gopher", "acme/gopher")  # type: ignore[union-attr]
    assert yaml.safe_load(Path("cfngen.yaml").read_text(encoding="utf-8"))["name"] == "gopher"


def test_what_would_be_refused_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(make(tmp_path / "go", GO), monkeypatch, "--name", "Not A Name")
    assert isinstance(done.exception, DescriptionError)
    assert str(done.exception).startswith("cfngen.yaml, not written:")
    assert "name: 'Not A Name'; lower-case letters" in str(done.exception)
    assert not Path("cfngen.yaml").exists()


def test_dockerfiles_are_read_as_docker_reads_them() -> None:
    image = read_dockerfile(
        "# escape=`\nFROM a AS one\nEXPOSE 1 2/tcp `\n  3/udp\nFROM one\nARG P=9\nEXPOSE $P\nUSER 5\n"
    )
    assert (image.ports, image.user) == ((1, 2, 9), "5")
    assert read_dockerfile("FROM a AS one\nUSER 1\nFROM b\nUSER 2\n", "one").user == "1"
    assert read_dockerfile("FROM a\nHEALTHCHECK CMD x\nHEALTHCHECK NONE\n").health == ""
    assert health_path("CMD curl -f http://localhost:$PORT/up || exit 1") == "/up"
    assert health_path("pg_isready") == ""


def test_a_service_of_the_whole_repository_is_released_by_any_change() -> None:
    service = Service(name="web", source=".")
    assert folders(service, Pipeline(source=CodeCommit()).files) == (".",)
