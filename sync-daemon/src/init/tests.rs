use super::words;

#[test]
fn identifiers_of_any_style_become_names() {
    let name = |identifier: &str| words::name(&words::words(identifier));
    for (identifier, expected) in [
        ("unit_price", "Unit Price"),
        ("UnitPrice", "Unit Price"),
        ("invoiceLineId", "Invoice Line ID"),
        ("HTTPServer", "Http Server"),
        ("due-on", "Due on"),
        ("Order Date", "Order Date"),
        ("address2", "Address2"),
        ("__x__", "X"),
        ("", ""),
        ("größe", "Größe"),
        ("User's Name", "User's Name"),
        ("end of a day", "End of a Day"),
    ] {
        assert_eq!(name(identifier), expected, "{identifier}");
    }
}

#[test]
fn tables_are_called_by_what_they_hold() {
    for (one, many) in [
        ("customer", "customers"),
        ("category", "categories"),
        ("address", "addresses"),
        ("status", "statuses"),
        ("box", "boxes"),
        ("branch", "branches"),
        ("day", "days"),
        ("movie", "movies"),
        ("staff", "staff"),
        ("series", "series"),
        ("table1", "table1"),
        ("x", "x"),
    ] {
        assert_eq!(words::plural(one), many);
        assert_eq!(words::plural(many), many);
        assert_eq!(words::singular(many), one);
        assert_eq!(words::singular(one), one);
    }
}

#[test]
fn values_that_mean_something_have_its_colour() {
    assert_eq!(words::color("in_progress", 0), "blue");
    assert_eq!(words::color("Overdue", 0), "red");
    assert_ne!(words::color("apples", 0), words::color("pears", 1));
}
