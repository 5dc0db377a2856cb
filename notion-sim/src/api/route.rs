//! Which call a method and a path mean.

use super::gate;

macro_rules! endpoints {
    ($($call:ident $(($($id:ty),+))? => $name:literal,)+) => {
        /// A call of the API. Ids are as they stand in the path: they are checked with the rest of the request.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum Route {
            $($call $(($($id),+))?,)+
            /// Published by Notion, not simulated.
            Elsewhere(&'static str),
        }

        /// The names of the endpoints that are simulated, as limits use them.
        pub(crate) const ENDPOINTS: &[&str] = &[$($name),+];

        impl Route {
            /// The endpoint's name, whatever ids the call has.
            pub(crate) fn endpoint(&self) -> &'static str {
                match self {
                    $(Self::$call { .. } => $name,)+
                    Self::Elsewhere(what) => what,
                }
            }
        }
    };
}

endpoints! {
    Me => "me",
    Users => "users",
    User(String) => "user",
    Search => "search",
    CreateDatabase => "create_database",
    Database(String) => "database",
    UpdateDatabase(String) => "update_database",
    CreateDataSource => "create_data_source",
    DataSource(String) => "data_source",
    UpdateDataSource(String) => "update_data_source",
    Query(String) => "query",
    CreatePage => "create_page",
    Page(String) => "page",
    UpdatePage(String) => "update_page",
    PageProperty(String, String) => "page_property",
    Block(String) => "block",
    UpdateBlock(String) => "update_block",
    DeleteBlock(String) => "delete_block",
    Children(String) => "children",
    AppendChildren(String) => "append_children",
    CreateView => "create_view",
    Views => "views",
    View(String) => "view",
    UpdateView(String) => "update_view",
    DeleteView(String) => "delete_view",
}

pub(crate) fn find(method: &str, path: &str) -> Option<Route> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
    let id = |id: &str| gate::decoded(id);
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
        ("GET", ["data_sources", _, "templates"]) => Route::Elsewhere("templates"),
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
        ("POST", ["blocks", "meeting_notes"] | ["blocks", "meeting_notes", "query"]) => {
            Route::Elsewhere("meeting notes")
        }
        (
            _,
            [
                "agents" | "external_agent_stub" | "sessions" | "threads",
                ..,
            ],
        ) => Route::Elsewhere("agents"),
        ("GET", ["custom_emojis"]) => Route::Elsewhere("custom emojis"),
        ("GET", ["async_tasks", _]) => Route::Elsewhere("asynchronous tasks"),
        ("POST", ["oauth", "token" | "revoke" | "introspect"]) => Route::Elsewhere("OAuth"),
        _ => return None,
    })
}
