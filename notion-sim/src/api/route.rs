//! Which call a method and a path mean.

/// A call of the API. Ids are as they stand in the path: they are checked with the rest of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Me,
    Users,
    User(String),
    Search,
    CreateDatabase,
    Database(String),
    UpdateDatabase(String),
    CreateDataSource,
    DataSource(String),
    UpdateDataSource(String),
    Query(String),
    Templates(String),
    CreatePage,
    Page(String),
    UpdatePage(String),
    PageProperty(String, String),
    Block(String),
    UpdateBlock(String),
    DeleteBlock(String),
    Children(String),
    AppendChildren(String),
    CreateView,
    Views,
    View(String),
    UpdateView(String),
    DeleteView(String),
    /// Published by Notion, not simulated.
    Elsewhere(&'static str),
}

pub(crate) fn find(method: &str, path: &str) -> Option<Route> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
    let id = |id: &str| id.to_owned();
    Some(match (method, segments.as_slice()) {
        ("GET", ["users", "me"]) => Route::Me,
        ("GET", ["users"]) => Route::Users,
        ("GET", ["users", user]) => Route::User(id(user)),
        ("POST", ["search"]) => Route::Search,
        ("POST", ["databases"]) => Route::CreateDatabase,
        ("GET", ["databases", database]) => Route::Database(id(database)),
        ("PATCH", ["databases", database]) => Route::UpdateDatabase(id(database)),
        ("POST", ["data_sources"]) => Route::CreateDataSource,
        ("GET", ["data_sources", source]) => Route::DataSource(id(source)),
        ("PATCH", ["data_sources", source]) => Route::UpdateDataSource(id(source)),
        ("POST", ["data_sources", source, "query"]) => Route::Query(id(source)),
        ("GET", ["data_sources", source, "templates"]) => Route::Templates(id(source)),
        ("POST", ["pages"]) => Route::CreatePage,
        ("GET", ["pages", page]) => Route::Page(id(page)),
        ("PATCH", ["pages", page]) => Route::UpdatePage(id(page)),
        ("GET", ["pages", page, "properties", property]) => {
            Route::PageProperty(id(page), id(property))
        }
        ("GET", ["blocks", block]) => Route::Block(id(block)),
        ("PATCH", ["blocks", block]) => Route::UpdateBlock(id(block)),
        ("DELETE", ["blocks", block]) => Route::DeleteBlock(id(block)),
        ("GET", ["blocks", block, "children"]) => Route::Children(id(block)),
        ("PATCH", ["blocks", block, "children"]) => Route::AppendChildren(id(block)),
        ("POST", ["views"]) => Route::CreateView,
        ("GET", ["views"]) => Route::Views,
        ("GET", ["views", view]) => Route::View(id(view)),
        ("PATCH", ["views", view]) => Route::UpdateView(id(view)),
        ("DELETE", ["views", view]) => Route::DeleteView(id(view)),
        ("POST", ["views", _, "queries"]) | ("GET" | "DELETE", ["views", _, "queries", _]) => {
            Route::Elsewhere("queries of views")
        }
        ("POST", ["pages", _, "move"]) => Route::Elsewhere("moving pages"),
        ("GET" | "PATCH", ["pages", _, "markdown"]) => Route::Elsewhere("page markdown"),
        ("GET" | "POST", ["comments"]) | ("GET" | "PATCH" | "DELETE", ["comments", _]) => {
            Route::Elsewhere("comments")
        }
        ("GET" | "POST", ["file_uploads"])
        | ("GET", ["file_uploads", _])
        | ("POST", ["file_uploads", _, "send" | "complete"]) => Route::Elsewhere("file uploads"),
        ("GET", ["custom_emojis"]) => Route::Elsewhere("custom emojis"),
        ("GET", ["async_tasks", _]) => Route::Elsewhere("asynchronous tasks"),
        ("POST", ["oauth", "token" | "revoke" | "introspect"]) => Route::Elsewhere("OAuth"),
        _ => return None,
    })
}
