"""CodeCommit: repositories, of which moto lists and changes none."""

from __future__ import annotations

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("codecommit")
ROOM.tags(is_map=True, told="tags")


@ROOM.operation("CreateRepository")
def _create_repository(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    name, tags = told["repositoryName"], told.pop("tags", {})
    if name in self.records["repository"]:
        raise ApiError("RepositoryNameExistsException", f"Repository named {name} already exists")
    host = f"git-codecommit.{self.region}.amazonaws.com/v1/repos"
    self.records["repository"][name] = {
        **told,
        "accountId": self.account,
        "repositoryId": self.unique(name),
        "Arn": self.arn("codecommit", name),
        "cloneUrlHttp": f"https://{host}/{name}",
        "cloneUrlSsh": f"ssh://{host}/{name}",
    }
    self.tags[self.arn("codecommit", name)] = dict(tags)
    return {"repositoryMetadata": self.records["repository"][name]}


def _repository(self: Standins, name: str) -> Body:
    return self.find("repository", name, "RepositoryDoesNotExistException", f"{name} does not exist")


@ROOM.operation("GetRepository")
def _get_repository(self: Standins, arguments: Body, _: Through) -> Body:
    return {"repositoryMetadata": _repository(self, arguments["repositoryName"])}


@ROOM.operation("ListRepositories")
def _list_repositories(self: Standins, _: Body, __: Through) -> Body:
    there = self.records["repository"]
    return {
        "repositories": [
            {"repositoryName": name, "repositoryId": there[name]["repositoryId"]} for name in sorted(there)
        ]
    }


@ROOM.operation("UpdateRepositoryDescription")
def _describe_repository(self: Standins, arguments: Body, _: Through) -> Body:
    _repository(self, arguments["repositoryName"])["repositoryDescription"] = arguments.get("repositoryDescription", "")
    return {}


@ROOM.operation("UpdateRepositoryName")
def _rename_repository(self: Standins, arguments: Body, _: Through) -> Body:
    old, new = arguments["oldName"], arguments["newName"]
    if new in self.records["repository"]:
        raise ApiError("RepositoryNameExistsException", f"Repository named {new} already exists")
    told = _repository(self, old)
    urls = {key: told[key].removesuffix(old) + new for key in ("cloneUrlHttp", "cloneUrlSsh")}
    self.records["repository"][new] = {**told, **urls, "repositoryName": new, "Arn": self.arn("codecommit", new)}
    self.tags[self.arn("codecommit", new)] = self.tags.pop(self.arn("codecommit", old), {})
    del self.records["repository"][old]
    return {}


@ROOM.operation("DeleteRepository")
def _delete_repository(self: Standins, arguments: Body, _: Through) -> Body:
    gone = self.records["repository"].pop(arguments["repositoryName"], None)
    return {"repositoryId": gone["repositoryId"]} if gone else {}
