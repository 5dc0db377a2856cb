"""Asks the simulator and PyPI's backlot, whose refusals were measured against Notion, the same wrong questions.

Objects that are not there are left out: backlot words those answers by itself.
"""

import json
import re
import sys
import urllib.error
import urllib.request

VERSION = "2025-09-03"  # the one backlot was measured with

# Where the two differ, and why the simulator is left as it is.
NULL = "the SDK's declarations allow null"
UNCHECKED = "backlot does not look at what a condition holds"
KNOWN = {
    'query {"start_cursor": null}': NULL,
    'query {"filter": {"property": "title", "number": {"equals": 1}}}': UNCHECKED,
    'query {"filter": {"property": "title", "checkbox": {"equals": true}}}': UNCHECKED,
    'query {"filter": {"property": "title", "title": {}}}': UNCHECKED,
    'query {"filter": {"property": "title", "title": {"equals": 1}}}': UNCHECKED,
    'query {"filter": {"property": "title", "title": {"nonsense": "x"}}}': UNCHECKED,
    'query {"filter": {"property": "title", "title": {"is_empty": false}}}': UNCHECKED,
    'query {"filter": {"property": "title", "number": {"equals": "1"}}}': UNCHECKED,
    'query {"filter": {"timestamp": "created_time", "created_time": {"after": "nonsense"}}}': UNCHECKED,
    'query {"filter": {"timestamp": "nonsense", "created_time": {"after": "2026-01-01"}}}': UNCHECKED,
    'query {"filter": {"timestamp": "created_time", "last_edited_time": {"past_week": {}}}}': UNCHECKED,
    "101 sorts": "recorded: no array is longer than 100",
}


class Server:
    def __init__(self, base: str, token: str):
        self.base, self.token = base, token
        sources = self.ask("POST", "/v1/search", {"filter": {"property": "object", "value": "data_source"}})[1]
        self.source = sources["results"][0]["id"]
        self.database = self.ask("GET", f"/v1/data_sources/{self.source}")[1]["parent"]["database_id"]
        pages = self.ask("POST", "/v1/search", {"filter": {"property": "object", "value": "page"}})[1]
        self.page = pages["results"][0]["id"]

    def ask(self, method, path, body=None, raw=None, **headers):
        places = {"{source}": getattr(self, "source", ""), "{database}": getattr(self, "database", ""),
                  "{page}": getattr(self, "page", ""), "{other}": "5f1c3a52-7a45-4d6c-8c9f-3c1f6a0e9b11"}
        for place, id in places.items():
            path = path.replace(place, id)
        given = {"Authorization": f"Bearer {self.token}", "Notion-Version": VERSION, "Content-Type": "application/json"}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        data = raw.encode() if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method,
            headers={name: value for name, value in given.items() if value is not None},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")


def refusal(answer):
    status, body = answer
    message = body.get("message", "")
    for id in set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", message)):
        message = message.replace(id, "<id>")
    message = re.sub(r'integration "[^"]*"', 'integration "<name>"', message)
    return (status, body.get("code"), message) if status >= 400 else (status,)


def questions():
    """Each is a name, a method, a path, and what else is asked."""
    query = "/v1/data_sources/{source}/query"
    yield "no version", "GET", "/v1/users/me", {"Notion_Version": None}
    yield "an unknown version", "GET", "/v1/users/me", {"Notion_Version": "banana"}
    yield "an empty version", "GET", "/v1/users/me", {"Notion_Version": ""}
    yield "a version of the future", "GET", "/v1/users/me", {"Notion_Version": "2031-01-01"}
    for name, header in {"no token": None, "a stranger's token": "Bearer nope", "another scheme": "Basic abc",
                         "no scheme": "nope", "an empty token": "Bearer "}.items():
        yield name, "GET", "/v1/users/me", {"Authorization": header}
    yield "no token, no version", "GET", "/v1/users/me", {"Authorization": None, "Notion_Version": None}
    yield "no token, no such URL", "GET", "/v1/nothing", {"Authorization": None}
    yield "no version, bad filter", "POST", query, {"body": {"filter": 1}, "Notion_Version": None}
    yield "bad JSON, no token", "POST", "/v1/search", {"raw": "{", "Authorization": None}
    for raw in ["{", "[", "nonsense", '"text"', "1", "null", "{'a':1}", '{"a":1,}']:
        yield f"the body {raw}", "POST", "/v1/search", {"raw": raw}
    for method, path in [("GET", "/v1"), ("GET", "/v1/nothing"), ("GET", "/v2/users"), ("DELETE", "/v1/users/me"),
                         ("PUT", "/v1/pages/{page}"), ("GET", "/v1/search"), ("POST", "/v1/users"),
                         ("POST", "/v1/databases/{database}/query"), ("GET", "/v1/pages"), ("GET", "/v1/databases")]:
        yield f"{method} {path}", method, path, {}
    for path in ["/v1/users", "/v1/blocks/{page}/children"]:
        for tail in ["page_size=0", "page_size=-1", "page_size=1.5", "page_size=abc", "page_size=101", "page_size=", "start_cursor=abc",
                     "start_cursor={other}", "start_cursor=", "nonsense=1", "page_size=10&page_size=20", "page_size[]=1"]:
            yield f"GET {path}?{tail}", "GET", f"{path}?{tail}", {}
    yield "an unknown member of a page's query", "GET", "/v1/pages/{page}?nonsense=1", {}
    yield "an unknown member of a source's query", "GET", "/v1/data_sources/{source}?nonsense=1", {}
    bodies = [
        {"page_size": 0}, {"page_size": -1}, {"page_size": 1.5}, {"page_size": "10"}, {"page_size": None}, {"page_size": 101},
        {"start_cursor": "abc"}, {"start_cursor": 1}, {"start_cursor": "{other}"}, {"start_cursor": None}, {"start_cursor": ""},
        {"nonsense": 1}, {"nonsense": 1, "more": {"a": [1, 2]}}, {"in_trash": True}, {"archived": True}, {"filter": None}, {"filter": 1},
        {"filter": {}}, {"filter": []}, {"filter": {"property": "Name"}}, {"filter": {"property": 1, "title": {"equals": "x"}}},
        {"filter": {"property": "Nope", "title": {"equals": "x"}}}, {"filter": {"property": "Nope", "rich_text": {"contains": "x"}}},
        {"filter": {"property": "title", "number": {"equals": 1}}}, {"filter": {"property": "title", "checkbox": {"equals": True}}},
        {"filter": {"property": "title", "title": {}}}, {"filter": {"property": "title", "title": {"equals": 1}}},
        {"filter": {"property": "title", "title": {"nonsense": "x"}}}, {"filter": {"property": "title", "nonsense": {"equals": "x"}}},
        {"filter": {"property": "title", "title": {"is_empty": False}}}, {"filter": {"property": "title", "number": {"equals": "1"}}},
        {"filter": {"and": {}}}, {"filter": {"and": [1]}}, {"filter": {"or": [{"and": [{"or": []}]}]}}, {"filter": {"and": [], "or": []}},
        {"filter": {"timestamp": "created_time"}}, {"filter": {"timestamp": "created_time", "created_time": {"after": "nonsense"}}},
        {"filter": {"timestamp": "nonsense", "created_time": {"after": "2026-01-01"}}},
        {"filter": {"timestamp": "created_time", "created_time": {"past_week": {}}}},
        {"filter": {"timestamp": "created_time", "last_edited_time": {"past_week": {}}}},
        {"sorts": {}}, {"sorts": [1]}, {"sorts": [{}]}, {"sorts": [{"property": "title"}]}, {"sorts": [{"property": "Nope", "direction": "ascending"}]},
        {"sorts": [{"property": "title", "direction": "up"}]}, {"sorts": [{"timestamp": "nonsense", "direction": "ascending"}]},
        {"sorts": [{"direction": "ascending"}]},
        {"result_type": "nonsense"}, {"result_type": "page"}, {"sorts": [1], "filter": 1, "page_size": 0}, {"filter": 1, "page_size": 0},
        {"page_size": 0, "nonsense": 1}, [], [1],
    ]
    for body in bodies:
        text = json.dumps(body)
        yield f"query {text[:90]}", "POST", query, {"body": body}
    yield "101 sorts", "POST", query, {"body": {"sorts": [{"property": "title", "direction": "ascending"}] * 101}}
    for kept in ["Nope", "title", "", "%20"]:
        yield f"a query that keeps {kept!r}", "POST", f"{query}?filter_properties={kept}", {"body": {}}
        yield f"a query that keeps [{kept!r}]", "POST", f"{query}?filter_properties[]={kept}", {"body": {}}
    searches = [
        {"query": 1}, {"query": None}, {"sort": {}}, {"sort": {"timestamp": "last_edited_time"}}, {"sort": {"timestamp": "created_time"}},
        {"sort": {"timestamp": "last_edited_time", "direction": "up"}}, {"sort": {"property": "relevance"}}, {"filter": {}},
        {"filter": {"value": "page"}}, {"filter": {"property": "object"}}, {"filter": {"property": "object", "value": "database"}},
        {"filter": {"property": "nonsense", "value": "page"}}, {"filter": {"property": "object", "value": "page", "more": 1}},
        {"page_size": 0}, {"page_size": "1"}, {"page_size": 1000}, {"page_size": -1}, {"page_size": 1.5}, {"start_cursor": "abc"},
        {"start_cursor": "{other}"}, {"start_cursor": 1}, {"nonsense": True}, [], {"filter": 1, "sort": 1, "query": 1},
    ]
    for body in searches:
        yield f"search {json.dumps(body)}", "POST", "/v1/search", {"body": body}


def main():
    simulator = Server(*sys.argv[1:3])
    oracle = Server(*sys.argv[3:5])
    asked = differing = 0
    known = set()
    for name, method, path, rest in questions():
        asked += 1
        ours, theirs = (refusal(server.ask(method, path, **rest)) for server in (simulator, oracle))
        if ours == theirs:
            continue
        if name in KNOWN:
            known.add(name)
            continue
        differing += 1
        print(f"{name}\n  notion-sim: {ours}\n  backlot:    {theirs}", file=sys.stderr)
    if differing:
        sys.exit(f"{differing} of {asked} answers differ")
    if unseen := set(KNOWN) - known:
        sys.exit(f"no longer differing, so no longer to be listed: {sorted(unseen)}")
    print(f"error-texts: {asked - len(known)} of {asked} questions answered alike, the others differ as listed")


main()
