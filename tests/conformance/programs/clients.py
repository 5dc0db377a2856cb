"""PyPI's notion-client, and ultimate-notion above it, through the whole life of a database."""

import datetime
import os
import sys

url, token, root, config = sys.argv[1:5]
os.environ["ULTIMATE_NOTION_CONFIG"] = config

import notion_client
import ultimate_notion as uno


def plain_client(version: str) -> None:
    client = notion_client.Client(auth=token, base_url=url, notion_version=version)
    assert client.users.me()["type"] == "bot"
    database = client.databases.create(
        parent={"type": "page_id", "page_id": root},
        title=[{"type": "text", "text": {"content": f"Plain {version}"}}],
        initial_data_source={"properties": {"Name": {"title": {}}, "Count": {"number": {}}}},
    )
    source = database["data_sources"][0]["id"]
    rows = [
        client.pages.create(
            parent={"type": "data_source_id", "data_source_id": source},
            properties={"Name": {"title": [{"text": {"content": f"row {count}"}}]}, "Count": {"number": count}},
        )
        for count in range(7)
    ]
    found = notion_client.helpers.collect_paginated_api(
        client.data_sources.query,
        data_source_id=source,
        page_size=2,
        filter={"property": "Count", "number": {"greater_than": 2}},
        sorts=[{"property": "Count", "direction": "descending"}],
    )
    assert [row["properties"]["Count"]["number"] for row in found] == [6, 5, 4, 3], found
    client.pages.update(rows[0]["id"], in_trash=True)
    try:
        client.pages.update(rows[0]["id"], properties={"Count": {"number": 1}})
    except notion_client.APIResponseError as error:
        assert error.code == notion_client.APIErrorCode.ValidationError, error
    else:
        raise AssertionError("a page in the trash was edited")
    assert client.search(query="row 6")["results"][0]["id"] == rows[6]["id"]
    client.databases.update(database["id"], in_trash=True)


class Size(uno.OptionNS):
    SMALL = uno.Option("Small", color=uno.Color.GREEN)
    LARGE = uno.Option("Large", color=uno.Color.RED)


class Task(uno.Schema, db_title="Tasks"):
    """Things to do"""

    name = uno.PropType.Title("Name")
    note = uno.PropType.Text("Note")
    count = uno.PropType.Number("Count", format=uno.NumberFormat.DOLLAR)
    done = uno.PropType.Checkbox("Done")
    size = uno.PropType.Select("Size", options=Size)
    tags = uno.PropType.MultiSelect("Tags", options=[uno.Option("a", color=uno.Color.BLUE), uno.Option("b", color=uno.Color.RED)])
    due = uno.PropType.Date("Due")
    site = uno.PropType.URL("Site")
    mail = uno.PropType.Email("Mail")
    twice = uno.PropType.Formula("Twice", formula='prop("Count") * 2')
    after = uno.PropType.Relation("After", schema=uno.SelfRef)
    made = uno.PropType.CreatedTime("Made")
    number = uno.PropType.ID("Number", prefix="T")


def ultimate() -> None:
    client = notion_client.Client(auth=token, base_url=url)
    with uno.Session(client=client) as session:
        page = session.get_page(root)
        source = session.create_ds(page, schema=Task)
        first = source.create_page(name="first", count=3, size=Size.SMALL, tags=["a"], done=True)
        second = source.create_page(
            name="second", note="a note", count=4.5, due=datetime.date(2026, 7, 25), site="https://example.com/",
            mail="ada@example.com", after=[first],
        )
        assert len(source.get_all_pages()) == 2
        assert first.props.twice == 6, first.props.twice
        assert second.props.count == 4.5 and not second.props.done
        assert [page.title for page in second.props.after] == ["first"]
        second.props.size = Size.LARGE
        second.props.note = "changed"
        fresh = session.get_page(second.id, use_cache=False)
        assert fresh.props.note == "changed" and fresh.props.size == Size.LARGE, fresh.props.note
        large = source.query.filter(uno.prop("Size") == Size.LARGE).execute()
        assert [page.title for page in large] == ["second"]
        cheap = source.query.filter(uno.prop("Count") < 4).sort(uno.prop("Name").asc()).execute()
        assert [page.title for page in cheap] == ["first"]
        first.append([uno.Heading1("Body"), uno.Paragraph("with a paragraph"), uno.ToDoItem("and a task", checked=True)])
        blocks = session.get_page(first.id, use_cache=False).children
        assert len(blocks) == 3, blocks
        first.delete()
        assert len(source.query.execute()) == 1
        first.restore()
        assert len(source.query.execute()) == 2
        again = session.get_ds(source.id, use_cache=False)
        assert again.title == "Tasks" and "Twice" in str(again.schema.to_dict()), again.schema


for version in ("2025-09-03", "2026-03-11"):
    plain_client(version)
ultimate()
print("python-clients: notion-client and ultimate-notion took a database through its life")
