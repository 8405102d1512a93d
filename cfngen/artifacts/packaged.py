"""The packaged buildspec: buildspecs/buildspec.yml.j2 as Python, written by `make buildspecs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.artifacts import filters


def render(values: Mapping[str, Any]) -> str:
    """What the template renders of `values`; `KeyError` for one that is missing."""
    beside = values["beside"]
    command = values["command"]
    copies = values["copies"]
    definitions_artifact = values["definitions_artifact"]
    files = values["files"]
    folder = values["folder"]
    image_artifact = values["image_artifact"]
    image_placeholder = values["image_placeholder"]
    image_variable = values["image_variable"]
    images_file = values["images_file"]
    is_service = values["is_service"]
    migrates = values["migrates"]
    migration_variable = values["migration_variable"]
    pattern = values["pattern"]
    pipeline = values["pipeline"]
    placed = values["placed"]
    platform = values["platform"]
    promoted_artifact = values["promoted_artifact"]
    promoted_files = values["promoted_files"]
    release_file = values["release_file"]
    released = values["released"]
    service = values["service"]
    source = values["source"]
    source_is_object = values["source_is_object"]
    stops = values["stops"]
    test_command = values["test_command"]
    out: list[str] = []

    def pushed(tag: str, digest: str, variable: str) -> str:
        out: list[str] = []
        if copies:
            out += (
                "      - python3 -I ",
                str(folder),
                "/copy-image.py ",
                str(variable),
                ' "$',
                str(tag),
                '"\n',
            )
        else:
            out += (
                '      - docker push "$REPOSITORY_URI:$',
                str(tag),
                '"\n',
            )
        out += (
            "      - ",
            str(digest),
            '=$(aws ecr describe-images --repository-name "$REPOSITORY_NAME" --image-ids imageTag="$',
            str(tag),
            "\" --query 'imageDetails[0].imageDigest' --output text) && export ",
            str(digest),
            '\n      - |\n        case "$',
            str(digest),
            '" in\n          sha256:?*) ;;\n          *)\n            echo "The registry has no digest of $',
            str(tag),
            ": $",
            str(digest),
            '" >&2\n            exit 1\n            ;;\n        esac',
        )
        if copies:
            out += (
                "\n        if ! grep -q '\"",
                str(variable),
                '": "[^"]*@\'"$',
                str(digest),
                "\"'\"' ",
                str(images_file),
                '; then\n          echo "The registry has $',
                str(tag),
                " as $",
                str(digest),
                ', which is not the digest that was promoted; nothing is released." >&2\n          exit 1\n        fi',
            )
        return "".join(out)

    def scanned(tag: str, digest: str) -> str:
        out: list[str] = []
        out += (
            "      - |\n        # Wait up to ten minutes for the scan that began with the push. The two kinds of scanning end in different words",
            '.\n        errors=$(mktemp)\n        for _ in $(seq 120); do\n          if ! status=$(aws ecr describe-image-scan-findings --no-paginate --repository-name "$REPOSITORY_NAME" --image-id imageDigest="$',
            str(digest),
            '" --query imageScanStatus.status --output text 2> "$errors"); then\n            cat "$errors" >&2\n            grep -q ScanNotFoundException "$errors" || exit 1\n            status=PENDING\n          fi\n          case "$status" in\n            PENDING | IN_PROGRESS | None) sleep 5 ;;\n            *) break ;;\n          esac\n        done\n        case "$status" in\n          COMPLETE | ACTIVE) ;;\n          *)\n            echo "The scan of $',
            str(tag),
            ' ended with $status, so nobody knows what is in it; nothing is released. scan_threshold=\\"NONE\\" in the description releases what cannot be scanned." >&2\n            exit 1\n            ;;\n        esac\n        counts=$(aws ecr describe-image-scan-findings --no-paginate --repository-name "$REPOSITORY_NAME" --image-id imageDigest="$',
            str(digest),
            "\" --query 'imageScanFindings.findingSeverityCounts.[",
            str(filters.join(stops, ", ")),
            ']\' --output text) || exit 1\n        for count in ${counts:-unknown}; do\n          case "$count" in\n            None | 0) ;;\n            *)\n              echo "The scan of $',
            str(tag),
            " counts ",
            str(filters.join(stops, ", ")),
            ": $counts. That is at or above the threshold ",
            str(filters.part(pipeline, "scan_threshold")),
            "; nothing is released. To read the findings: aws ecr describe-image-scan-findings --repository-name $REPOSITORY_NAME --image-id imageDigest=$",
            str(digest),
            '" >&2\n              exit 1\n              ;;\n          esac\n        done',
        )
        return "".join(out)

    out += (
        "# Written by cfngen from ",
        str(source),
        ". Edit that file, then run: ",
        str(command),
        "\nversion: 0.2\n\nenv:\n  shell: bash\n",
    )
    if not copies:
        out += (
            "  variables:\n    # With attestations an image would be an index of manifests, which the scan does not look into",
            '.\n    BUILDX_NO_DEFAULT_ATTESTATIONS: "1"\n',
        )
    out += ("  exported-variables:\n    - IMAGE_TAG\n    - IMAGE_DIGEST\n",)
    if migrates:
        out += (
            "    - ",
            str(migration_variable),
            "\n",
        )
    out += (
        "\n# Only the status of an entry's last line counts, and the next entry gets the environment, but no option of the\n# shell: so an entry sets its own options and says itself when it fails, and what a later one needs is exported.\nphases:\n",
    )
    if filters.part(pipeline, "runtimes"):
        out += ("  install:\n    on-failure: ABORT\n    runtime-versions:\n",)
        for name, version in filters.dictsort(filters.part(pipeline, "runtimes")):
            out += (
                "      ",
                str(name),
                ": ",
                str(filters.yaml_string(version)),
                "\n",
            )
    out += (
        "  pre_build:\n    on-failure: ABORT\n    commands:\n      # A tag is never written twice, not even when a build is run again",
        ".\n",
    )
    if source_is_object:
        out += (
            '      # The version of an object may begin with what no tag begins with.\n      - export IMAGE_TAG="s3-$(printf %s "$CODEBUILD_RESOLVED_SOURCE_VERSION" | tr -cd A-Za-z0-9 | cut -c 1-12)-${CODEBUILD_BUILD_NUMBER}"\n',
        )
    else:
        out += ('      - export IMAGE_TAG="${CODEBUILD_RESOLVED_SOURCE_VERSION:0:12}-${CODEBUILD_BUILD_NUMBER}"\n',)
    out += ('      - export REPOSITORY_NAME="${REPOSITORY_URI#*/}"\n',)
    for each in beside:
        out += (
            "      - export IMAGE_TAG_",
            str(filters.part(each, "word")),
            '="$IMAGE_TAG-',
            str(filters.part(each, "name")),
            '"\n',
        )
    if test_command and (not copies):
        out += (
            "      - ",
            str(
                filters.yaml_string(
                    filters.format(
                        "(cd %s && bash -eo pipefail -c %s)",
                        filters.path(filters.part(service, "source_folder")),
                        filters.quoted(test_command),
                    )
                )
            ),
            "\n",
        )
    out += ("  build:\n    on-failure: ABORT\n    commands:\n",)
    if not copies:
        out += (
            "      - docker build --pull --platform ",
            str(platform),
            " --file ",
            str(filters.path((str(filters.part(service, "source_folder")) + "/Dockerfile"))),
            ' --tag "$REPOSITORY_URI:$IMAGE_TAG" ',
            str(filters.path(filters.part(service, "context_folder"))),
            "\n",
        )
        for each in beside:
            out += (
                "      - docker build --pull --platform ",
                str(platform),
                ' --tag "$REPOSITORY_URI:$IMAGE_TAG_',
                str(filters.part(each, "word")),
                '" ',
                str(filters.path(filters.part(each, "source"))),
                "\n",
            )
    out += (
        "      - |\n        # Fill in what only the stack knows. What stays unknown ends the build here, not the release later.\n        python3 - ",
        str(filters.path(files)),
        " taskdef.json",
    )
    if is_service:
        out += (" appspec.yaml",)
    if migrates:
        out += (" migrate.taskdef.json",)
    for name in filters.part(released, "values")():
        if name != "taskdef.json":
            out += (
                " ",
                str(name),
            )
    out += (
        " <<'END'\n        import sys\n\n        sys.path = [place for place in sys.path if place]  # modules of Python, not of the folder that is built\n        import json\n        import os\n        import pathlib\n        import re\n\n        folder, *names = sys.argv[1:]\n        texts = {name: pathlib.Path(folder, name).read_text(encoding=\"utf-8\") for name in names}\n        known = {name: json.dumps(value)[1:-1] for name, value in os.environ.items() if value}\n",
    )
    if migrates or released:
        out += (
            '        known["',
            str(image_variable),
            '"] = "',
            str(image_placeholder),
            '"  # stays until there is a digest\n',
        )
    for each in beside:
        if not is_service:
            out += (
                '        known["',
                str(filters.part(each, "variable")),
                '"] = "',
                str(filters.part(each, "placeholder")),
                '"\n',
            )
    out += (
        '        unknown = sorted({key for text in texts.values() for key in re.findall(r"',
        str(pattern),
        '", text)} - set(known))\n        if unknown:\n            sys.exit(f"Nothing is known of {\', \'.join(unknown)} in {folder}. Deploy the stack first, then release.")\n        pathlib.Path("',
        str(folder),
        '").mkdir(exist_ok=True)\n        for name, text in texts.items():\n            filled = re.sub(r"',
        str(pattern),
        '", lambda match: known[match[1]], text)\n            if name.endswith(".json"):\n                json.loads(filled)\n            pathlib.Path("',
        str(folder),
        '", name).write_text(filled, encoding="utf-8")\n        END\n',
    )
    if copies:
        out += (
            "      - |\n        # An image is copied byte by byte, for its digest says what was tested; what is there already is not sent again.\n        cat > ",
            str(folder),
            "/copy-image.py <<'END'\n        import base64\n        import hashlib\n        import json\n        import os\n        import pathlib\n        import subprocess\n        import sys\n        import urllib.error\n        import urllib.parse\n        import urllib.request\n\n        variable, tag = sys.argv[1:]\n        images = json.loads(pathlib.Path(\"",
            str(images_file),
            '").read_text(encoding="utf-8"))\n        if variable not in images:\n            sys.exit(f"What was promoted has no image for {variable}; promote once more, now that both stages know it.")\n        origin, _, digest = images[variable].partition("@")\n        password = subprocess.run(["aws", "ecr", "get-login-password"], check=True, capture_output=True, text=True)\n        login = "Basic " + base64.b64encode(b"AWS:" + password.stdout.strip().encode()).decode()\n        accepted = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"]\n\n\n        def ask(method, url, data=None, **headers):\n            request = urllib.request.Request(url, data, {name.replace("_", "-"): text for name, text in headers.items()}, method=method)\n            request.add_unredirected_header("Authorization", login)  # a registry sends its readers on to another host\n            try:\n                return urllib.request.urlopen(request, timeout=300)\n            except urllib.error.HTTPError as error:\n                if method == "HEAD" and error.code == 404:\n                    return None\n                sys.exit(f"{method} {url.partition(\'?\')[0]}: {error.code} {error.read(300).decode(errors=\'replace\')}")\n\n\n        def place(uri, what):\n            host, _, name = uri.partition("/")\n            return f"https://{host}/v2/{name}/{what}"\n\n\n        def copy(part):\n            if ask("HEAD", place(os.environ["REPOSITORY_URI"], f"blobs/{part[\'digest\']}")):\n                return\n            file = pathlib.Path("',
            str(folder),
            '", "layer")\n            with ask("GET", place(origin, f"blobs/{part[\'digest\']}")) as given, file.open("wb") as kept:\n                while block := given.read(1 << 20):\n                    kept.write(block)\n            start = place(os.environ["REPOSITORY_URI"], "blobs/uploads/")\n            upload = urllib.parse.urljoin(start, ask("POST", start, b"", Content_Type="application/octet-stream").headers["Location"])\n            with file.open("rb") as kept:\n                sent = ask("PATCH", upload, kept, Content_Length=str(file.stat().st_size), Content_Type="application/octet-stream")\n            upload = urllib.parse.urljoin(upload, sent.headers["Location"])\n            ask("PUT", f"{upload}{\'&\' if \'?\' in upload else \'?\'}digest={part[\'digest\']}", b"", Content_Type="application/octet-stream")\n            file.unlink()\n\n\n        with ask("GET", place(origin, f"manifests/{digest}"), Accept=", ".join(accepted)) as given:\n            kind, text = given.headers.get_content_type(), given.read()\n        if "sha256:" + hashlib.sha256(text).hexdigest() != digest or kind not in accepted:\n            sys.exit(f"{images[variable]} is no image of that digest, but {kind}; nothing is released.")\n        manifest = json.loads(text)\n        for part in (manifest["config"], *manifest["layers"]):\n            copy(part)\n        ask("PUT", place(os.environ["REPOSITORY_URI"], f"manifests/{tag}"), text, Content_Type=kind)\n        END\n',
        )
    else:
        out += (
            '      # Only what passed its tests, could be built and can be released gets as far as this.\n      - (set -o pipefail; aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY_URI%%/*}")\n',
        )
    out += (
        str(pushed("IMAGE_TAG", "IMAGE_DIGEST", image_variable)),
        "\n      - export ",
        str(image_variable),
        '="$REPOSITORY_URI@$IMAGE_DIGEST"\n',
    )
    if stops:
        out += (
            str(scanned("IMAGE_TAG", "IMAGE_DIGEST")),
            "\n",
        )
    if is_service:
        out += (
            '      - printf \'{"ImageURI":"%s"}\\n\' "$',
            str(image_variable),
            '" > ',
            str(folder),
            "/imageDetail.json\n",
        )
    for each in beside:
        out += (
            str(
                pushed(
                    ("IMAGE_TAG_" + str(filters.part(each, "word"))),
                    ("IMAGE_DIGEST_" + str(filters.part(each, "word"))),
                    filters.part(each, "variable"),
                )
            ),
            "\n",
        )
        if stops:
            out += (
                str(
                    scanned(
                        ("IMAGE_TAG_" + str(filters.part(each, "word"))),
                        ("IMAGE_DIGEST_" + str(filters.part(each, "word"))),
                    )
                ),
                "\n",
            )
        if released:
            out += (
                "      - export ",
                str(filters.part(each, "variable")),
                '="$REPOSITORY_URI@$IMAGE_DIGEST_',
                str(filters.part(each, "word")),
                '"\n',
            )
        if is_service:
            out += (
                "      # The deploy action finds an image by the name of a file, so each has a folder of its own.\n      - mkdir -p ",
                str(folder),
                "/",
                str(filters.part(each, "name")),
                ' && printf \'{"ImageURI":"%s"}\\n\' "$REPOSITORY_URI@$IMAGE_DIGEST_',
                str(filters.part(each, "word")),
                '" > ',
                str(folder),
                "/",
                str(filters.part(each, "name")),
                "/imageDetail.json\n",
            )
    if migrates:
        out += (
            '      - sed -i "s|\\',
            str(image_placeholder),
            "|$",
            str(image_variable),
            '|g" ',
            str(folder),
            "/*.json\n      - ",
            str(migration_variable),
            "=$(aws ecs register-task-definition --cli-input-json file://",
            str(folder),
            "/migrate.taskdef.json --query taskDefinition.taskDefinitionArn --output text) && export ",
            str(migration_variable),
            "\n",
        )
    if released:
        out += (
            "      - |\n        # The machine of the release takes task definitions as Step Functions spells them.\n        python3 - ",
            str(folder),
            " <<'END'\n        import sys\n\n        sys.path = [place for place in sys.path if place]\n        import json\n        import os\n        import pathlib\n\n        folder = pathlib.Path(sys.argv[1])\n        released = ",
            str(filters.tojson(released)),
            "\n        images = ",
            str(filters.tojson(placed)),
            '\n\n\n        def spelt(value, within=""):\n            if isinstance(value, dict):\n                free = within in ("options", "dockerLabels")\n                return {name if free else name[:1].upper() + name[1:]: spelt(part, name) for name, part in value.items()}\n            return [spelt(part, within) for part in value] if isinstance(value, list) else value\n\n\n        def filled(text):\n            for placeholder, variable in images.items():\n                text = text.replace(placeholder, os.environ[variable])\n            return json.loads(text)\n\n\n        texts = {name: (folder / file).read_text(encoding="utf-8") for name, file in released.items()}\n        told = {name: spelt(filled(text)) for name, text in texts.items()}\n        (folder / "',
            str(release_file),
            '").write_text(json.dumps(told), encoding="utf-8")\n        END\n',
        )
    if promoted_files:
        out += (
            "      - |\n        # What the next stage releases: its own files of this commit, and these images by their digests.\n        folder=",
            str(folder),
            "/promoted/",
            str(filters.path(promoted_files)),
            '\n        mkdir -p "$folder" && cp -R ',
            str(filters.path(promoted_files)),
            '/. "$folder" || exit 1\n        printf \'{"',
            str(image_variable),
            '": "%s"',
        )
        for each in beside:
            out += (
                ', "',
                str(filters.part(each, "variable")),
                '": "%s"',
            )
        out += ('}\\n\' "$REPOSITORY_URI@$IMAGE_DIGEST"',)
        for each in beside:
            out += (
                ' "$REPOSITORY_URI@$IMAGE_DIGEST_',
                str(filters.part(each, "word")),
                '"',
            )
        out += (
            " > ",
            str(folder),
            "/promoted/",
            str(images_file),
            "\n",
        )
    out += ("\n",)
    if filters.part(pipeline, "test_report") and test_command:
        out += (
            "reports:\n  tests:\n    base-directory: ",
            str(filters.yaml_string(filters.part(service, "source_folder"))),
            "\n    files:\n      - ",
            str(filters.yaml_string(filters.part(pipeline, "test_report"))),
            "\n    file-format: JUNITXML\n\n",
        )
    if not is_service:
        out += (
            "artifacts:\n  base-directory: ",
            str(folder),
            "\n  files:\n    - ",
            str(release_file),
            "\n",
        )
        if promoted_files:
            out += (
                "  secondary-artifacts:\n    ",
                str(definitions_artifact),
                ":\n      base-directory: ",
                str(folder),
                "\n      files:\n        - ",
                str(release_file),
                "\n",
            )
    else:
        out += (
            "artifacts:\n  files:\n    - ",
            str(folder),
            "/imageDetail.json\n  secondary-artifacts:\n    ",
            str(image_artifact),
            ":\n      base-directory: ",
            str(folder),
            "\n      files:\n        - imageDetail.json\n    ",
            str(definitions_artifact),
            ":\n      base-directory: ",
            str(folder),
            "\n      files:\n        - taskdef.json\n        - appspec.yaml\n",
        )
        if released:
            out += (
                "        - ",
                str(release_file),
                "\n",
            )
        for each in beside:
            out += (
                "    ",
                str(filters.part(each, "artifact")),
                ":\n      base-directory: ",
                str(folder),
                "/",
                str(filters.part(each, "name")),
                "\n      files:\n        - imageDetail.json\n",
            )
    if promoted_files:
        out += (
            "    ",
            str(promoted_artifact),
            ":\n      base-directory: ",
            str(folder),
            '/promoted\n      files:\n        - "**/*"\n',
        )
    return "".join(out)
