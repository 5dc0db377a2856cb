use serde_json::json;

use super::*;

#[test]
fn every_answer_has_one_meaning() {
    let id = "b81ac93e-0000-4000-8000-000000000001";
    let table = [
        (
            429,
            json!({"code": "rate_limited", "additional_data": {"retry_after": "17"}}),
            Meaning::TooMany {
                retry_after: Duration::from_secs(17),
                scope: Scope::Connection,
            },
        ),
        (
            429,
            json!({"code": "rate_limited", "additional_data": {"retry_after": "240", "rate_limit_reason": "public_api_space_request_rate_limit"}}),
            Meaning::TooMany {
                retry_after: Duration::from_secs(240),
                scope: Scope::Workspace,
            },
        ),
        (
            429,
            json!({"code": "rate_limited", "additional_data": {"retry_after": "9", "rate_limit_reason": "public_api_endpoint_rate_limit"}}),
            Meaning::TooMany {
                retry_after: Duration::from_secs(9),
                scope: Scope::Endpoint,
            },
        ),
        (
            529,
            json!({"code": "service_overload"}),
            Meaning::TooMany {
                retry_after: Duration::from_secs(5),
                scope: Scope::Service,
            },
        ),
        (401, json!({"code": "unauthorized"}), Meaning::TokenRefused),
        (
            403,
            json!({"code": "restricted_resource"}),
            Meaning::Forbidden,
        ),
        (
            403,
            json!({"code": "restricted_resource", "additional_data": {"block_limit": 1000}}),
            Meaning::BlockLimit,
        ),
        (404, json!({"code": "object_not_found"}), Meaning::NotFound),
        (409, json!({"code": "conflict_error"}), Meaning::TryAgain),
        (
            400,
            json!({"code": "validation_error", "message": "x should be y"}),
            Meaning::Invalid,
        ),
        (
            400,
            json!({"code": "validation_error", "message": "Can't edit block that is archived. You must unarchive the block before editing."}),
            Meaning::InTrash,
        ),
        (
            413,
            json!({"isNotionError": false, "name": "PayloadTooLargeError"}),
            Meaning::Invalid,
        ),
        (
            500,
            json!({"code": "internal_server_error"}),
            Meaning::InDoubt,
        ),
        (
            503,
            json!({"code": "service_unavailable"}),
            Meaning::InDoubt,
        ),
        (
            503,
            json!({"code": "service_unavailable", "additional_data": {"committed_resource_id": id}}),
            Meaning::Committed(Some(id.parse().unwrap())),
        ),
        (
            503,
            json!({"code": "service_unavailable", "additional_data": {"retry_guidance": ["Do not repeat the write."]}}),
            Meaning::Committed(None),
        ),
        (504, json!("<html>"), Meaning::InDoubt),
    ];
    for (status, body, meaning) in table {
        let refusal = Refusal::read(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.to_string().as_bytes(),
        );
        assert_eq!(refusal.meaning(), meaning, "{status} {body}");
    }
}

#[test]
fn the_header_says_when_to_come_back() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "42".parse().unwrap());
    let refusal = Refusal::read(StatusCode::TOO_MANY_REQUESTS, &headers, b"{}");
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(42)));
}

#[test]
fn an_answer_that_is_not_json_keeps_its_head() {
    let refusal = Refusal::read(
        StatusCode::BAD_GATEWAY,
        &HeaderMap::new(),
        b"<html>502</html>",
    );
    assert_eq!(
        refusal.to_string(),
        "Notion answered 502 without a code: <html>502</html>"
    );
}

#[test]
fn a_log_gets_the_code_and_not_what_notion_quotes() {
    let body = json!({"code": "validation_error", "message": "title should be defined, instead was `Secret`."});
    let refusal = Refusal::read(
        StatusCode::BAD_REQUEST,
        &HeaderMap::new(),
        body.to_string().as_bytes(),
    );
    let error = Error::Refused(Box::new(refusal));
    assert!(error.to_string().contains("Secret"));
    assert_eq!(error.brief(), "Notion answered 400 validation_error");
}
