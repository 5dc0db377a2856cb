// Makes one of everything, in both versions of the API, and prints each answer as a literal of its declared type.
// With a file's name, the answers go there as well, as they came.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Client, LogLevel, iteratePaginatedAPI } from "@notionhq/client";

const [url, token, parent, file] = process.argv.slice(2);
const answers = [];
const types = new Set();
const literals = [];

const text = (content, more = {}) => [{ type: "text", text: { content }, ...more }];

for (const notionVersion of ["2025-09-03", "2026-03-11"]) {
  const notion = new Client({ auth: token, baseUrl: url, notionVersion, logLevel: LogLevel.ERROR });
  const older = notionVersion === "2025-09-03";

  // The declarations keep `archived` for the older version; the newer one never shows it.
  const member = (value) => {
    if (Array.isArray(value)) return value.map(member);
    if (value === null || typeof value !== "object") return value;
    const fresh = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, member(each)]));
    if ("in_trash" in fresh && ["page", "database", "data_source", "block"].includes(fresh.object)) {
      assert.equal("archived" in fresh, older, `archived of a ${fresh.object} in ${notionVersion}`);
      fresh.archived = fresh.in_trash;
    }
    // Recorded traffic of Notion has this beside every relation's pages; the declarations forget it.
    if (fresh.type === "relation" && Array.isArray(fresh.relation)) {
      assert.equal(typeof fresh.has_more, "boolean");
      delete fresh.has_more;
    }
    return fresh;
  };
  const keep = (type, answer) => {
    const { request_id, ...rest } = answer;
    assert.match(request_id, /^[0-9a-f-]{36}$/);
    types.add(type);
    answers.push([type, answer]);
    literals.push(`export const answer${literals.length}: ${type} = ${JSON.stringify(member(rest), null, 1)};`);
    return answer;
  };

  const me = keep("UserObjectResponse", await notion.users.me({}));
  const users = keep("ListUsersResponse", await notion.users.list({}));
  const person = users.results.find((user) => user.type === "person");
  keep("GetUserResponse & UserObjectResponse", await notion.users.retrieve({ user_id: person.id }));

  const database = keep(
    "DatabaseObjectResponse",
    await notion.databases.create({
      parent: { type: "page_id", page_id: parent },
      title: text("Everything", { annotations: { bold: true, color: "red" } }),
      description: text("one property of each type"),
      icon: { type: "emoji", emoji: "🧪" },
      cover: { type: "external", external: { url: "https://example.com/cover.png" } },
      initial_data_source: {
        properties: {
          Name: { title: {} },
          Text: { rich_text: {}, description: "a note" },
          Amount: { number: { format: "euro" } },
          Kind: { select: { options: [{ name: "One", color: "red", description: "first" }] } },
          Tags: { multi_select: { options: [{ name: "a" }, { name: "b", color: "blue" }] } },
          State: { status: {} },
          When: { date: {} },
          Who: { people: {} },
          Papers: { files: {} },
          Done: { checkbox: {} },
          Site: { url: {} },
          Mail: { email: {} },
          Phone: { phone_number: {} },
          Made: { created_time: {} },
          "Made by": { created_by: {} },
          Edited: { last_edited_time: {} },
          "Edited by": { last_edited_by: {} },
          Number: { unique_id: { prefix: "ROW" } },
          Sum: { formula: { expression: 'prop("Amount") * 2' } },
          Label: { formula: { expression: 'prop("Name") + "!"' } },
          Late: { formula: { expression: 'prop("When") < now()' } },
          Next: { formula: { expression: 'dateAdd(prop("When"), 1, "days")' } },
        },
      },
    }),
  );
  keep("DatabaseObjectResponse", await notion.databases.retrieve({ database_id: database.id }));
  const source = database.data_sources[0].id;
  keep(
    "DataSourceObjectResponse",
    await notion.dataSources.update({
      data_source_id: source,
      properties: {
        Parent: { relation: { data_source_id: source, single_property: {} } },
        Linked: { relation: { data_source_id: source, dual_property: { synced_property_name: "Linked from" } } },
      },
    }),
  );
  const functions = ["count", "sum", "average", "min", "show_original", "latest_date", "date_range", "percent_checked", "unique"];
  const rolled = { latest_date: "When", date_range: "When", percent_checked: "Done", show_original: "Text" };
  await notion.dataSources.update({
    data_source_id: source,
    properties: Object.fromEntries(
      functions.map((name) => [
        name,
        { rollup: { function: name, relation_property_name: "Linked", rollup_property_name: rolled[name] ?? "Amount" } },
      ]),
    ),
  });
  keep("DataSourceObjectResponse", await notion.dataSources.retrieve({ data_source_id: source }));
  keep(
    "DataSourceObjectResponse",
    await notion.dataSources.create({
      parent: { type: "database_id", database_id: database.id },
      properties: { Name: { title: {} } },
      title: text("Second"),
    }),
  );

  const empty = keep(
    "PageObjectResponse",
    await notion.pages.create({ parent: { type: "data_source_id", data_source_id: source }, properties: {} }),
  );
  const full = keep(
    "PageObjectResponse",
    await notion.pages.create({
      parent: { type: "data_source_id", data_source_id: source },
      icon: { type: "external", external: { url: "https://example.com/icon.png" } },
      properties: {
        Name: { title: text("full", { annotations: { italic: true } }) },
        Text: {
          rich_text: [
            { text: { content: "linked", link: { url: "https://example.com/" } } },
            { type: "equation", equation: { expression: "e=mc^2" } },
            { type: "mention", mention: { user: { id: person.id } } },
            { type: "mention", mention: { page: { id: empty.id } } },
            { type: "mention", mention: { database: { id: database.id } } },
            { type: "mention", mention: { date: { start: "2026-07-25" } } },
          ],
        },
        Amount: { number: 12.5 },
        Kind: { select: { name: "One" } },
        Tags: { multi_select: [{ name: "a" }, { name: "new" }] },
        State: { status: { name: "In progress" } },
        When: { date: { start: "2026-07-25T16:57:28.513Z", end: "2026-07-26T00:00:00.000Z" } },
        Who: { people: [{ id: person.id }, { id: me.id }] },
        Papers: { files: [{ name: "paper.pdf", external: { url: "https://example.com/paper.pdf" } }] },
        Done: { checkbox: true },
        Site: { url: "https://example.com/" },
        Mail: { email: "ada@example.com" },
        Phone: { phone_number: "+44 1234" },
        Parent: { relation: [{ id: empty.id }] },
        Linked: { relation: [{ id: empty.id }] },
      },
      children: [
        { paragraph: { rich_text: text("a paragraph"), children: [{ to_do: { rich_text: text("nested") } }] } },
        { heading_1: { rich_text: text("1") } },
        { heading_2: { rich_text: text("2"), is_toggleable: false } },
        { heading_3: { rich_text: text("3") } },
        { bulleted_list_item: { rich_text: text("•") } },
        { numbered_list_item: { rich_text: text("1.") } },
        { to_do: { rich_text: text("to do"), checked: true } },
        { toggle: { rich_text: text("toggle") } },
        { quote: { rich_text: text("quote") } },
        { callout: { rich_text: text("callout"), icon: { type: "emoji", emoji: "💡" } } },
        { code: { rich_text: text("let x = 1;"), language: "rust" } },
        { divider: {} },
        { equation: { expression: "1+1" } },
        { bookmark: { url: "https://example.com/" } },
        { embed: { url: "https://example.com/" } },
        { image: { type: "external", external: { url: "https://example.com/image.png" } } },
        { table_of_contents: {} },
      ],
    }),
  );
  keep("PageObjectResponse", await notion.pages.retrieve({ page_id: full.id }));
  keep("PageObjectResponse", await notion.pages.retrieve({ page_id: parent }));
  for (const [name, property] of Object.entries(full.properties)) {
    const item = await notion.pages.properties.retrieve({ page_id: full.id, property_id: property.id });
    assert.ok(item.object === "list" || item.type === property.type, `${name} is a ${property.type}`);
    keep("GetPagePropertyResponse", item);
  }
  const filter = { property: "Name", title: { is_not_empty: true } };
  const sorts = [{ property: "Amount", direction: "ascending" }, { timestamp: "created_time", direction: "descending" }];
  const list = keep("QueryDataSourceResponse", await notion.dataSources.query({ data_source_id: source, filter, sorts }));
  for (const row of list.results) keep("PageObjectResponse", { ...row, request_id: list.request_id });
  keep("QueryDataSourceResponse", await notion.dataSources.query({ data_source_id: source, page_size: 1 }));

  const children = keep("ListBlockChildrenResponse", await notion.blocks.children.list({ block_id: full.id }));
  for (const block of children.results) {
    keep("BlockObjectResponse", { ...block, request_id: children.request_id });
  }
  const first = children.results[0].id;
  keep("BlockObjectResponse", await notion.blocks.retrieve({ block_id: first }));
  keep("BlockObjectResponse", await notion.blocks.retrieve({ block_id: full.id }));
  keep("BlockObjectResponse", await notion.blocks.update({ block_id: first, paragraph: { rich_text: text("changed") } }));
  keep(
    "AppendBlockChildrenResponse",
    await notion.blocks.children.append({ block_id: full.id, children: [{ paragraph: { rich_text: text("more") } }] }),
  );
  keep("BlockObjectResponse", await notion.blocks.delete({ block_id: first }));
  keep("ListBlockChildrenResponse", await notion.blocks.children.list({ block_id: parent }));

  const found = keep("SearchResponse", await notion.search({ query: "full", filter: { property: "object", value: "page" } }));
  assert.ok(found.results.some((page) => page.id === full.id));
  keep("SearchResponse", await notion.search({ filter: { property: "object", value: "data_source" } }));

  const state = full.properties.State.id;
  const board = keep(
    "DataSourceViewObjectResponse",
    await notion.views.create({
      database_id: database.id,
      data_source_id: source,
      name: "By state",
      type: "board",
      filter: { property: "Name", title: { is_not_empty: true } },
      sorts: [{ property: "Amount", direction: "descending" }],
      configuration: {
        type: "board",
        group_by: { type: "status", property_id: state, group_by: "option", sort: { type: "manual" } },
      },
    }),
  );
  keep("DataSourceViewObjectResponse", await notion.views.retrieve({ view_id: board.id }));
  keep("DataSourceViewObjectResponse", await notion.views.update({ view_id: board.id, name: "States", sorts: null }));
  const views = keep("ListDatabaseViewsResponse", await notion.views.list({ database_id: database.id }));
  assert.ok(views.results.some((view) => view.id === board.id));
  keep("DeleteViewResponse", await notion.views.delete({ view_id: board.id }));

  keep("PageObjectResponse", await notion.pages.update({ page_id: full.id, is_locked: true, properties: { Amount: { number: null } } }));
  keep("PageObjectResponse", await notion.pages.update({ page_id: full.id, in_trash: true }));
  keep("PageObjectResponse", await notion.pages.update({ page_id: full.id, in_trash: false }));
  keep("DatabaseObjectResponse", await notion.databases.update({ database_id: database.id, is_locked: true }));
  keep("DatabaseObjectResponse", await notion.databases.update({ database_id: database.id, in_trash: true }));
  for await (const user of iteratePaginatedAPI(notion.users.list, { page_size: 1 })) assert.equal(user.object, "user");
}

if (file) writeFileSync(file, JSON.stringify(answers));
const named = new Set([...types].flatMap((type) => type.match(/\w+Response\b|Client/g)));
console.log(`import type { ${[...named].join(", ")} } from "@notionhq/client";`);
console.log(literals.join("\n"));
