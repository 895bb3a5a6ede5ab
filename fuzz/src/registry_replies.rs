use registry::Challenge;

use super::choice;

/// What registries and token servers say beside images. None of it may reach a terminal or a header
/// with a character that means something there.
pub(crate) fn replies(data: &[u8]) {
    let (which, bytes) = choice(data);
    let text = String::from_utf8_lossy(bytes);
    match which % 5 {
        0 => challenges(&text),
        1 => errors(bytes),
        2 => {
            if let Ok(token) = registry::parse_token(bytes) {
                assert!(token.secret.reveal().bytes().all(|c| c.is_ascii_graphic()) && token.lasts > 0);
            }
        }
        3 => {
            if let Some(link) = registry::parse_next_link(&text) {
                assert!(text.contains(link));
            }
        }
        _ => {
            if let Some(bytes) = registry::parse_range(&text) {
                assert!(bytes == 0 || text.contains(&(bytes - 1).to_string()));
            }
        }
    }
    let _ = fetch::parse_retry_after(&text);
}

fn challenges(text: &str) {
    let found = registry::parse_challenges(text);
    assert!(found.len() <= text.len());
    for challenge in found {
        if let Challenge::Bearer { realm, .. } = challenge {
            assert!(realm.len() <= text.len());
        }
    }
}

fn errors(bytes: &[u8]) {
    for said in registry::parse_errors(bytes) {
        let shown = said.to_string();
        assert!(!shown.chars().any(char::is_control) && shown.len() < 8192);
    }
}
