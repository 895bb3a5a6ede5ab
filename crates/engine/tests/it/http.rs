use std::io::{Read, Write};

use engine::http::{ChunkedWriter, HttpError, read_response};

/// Status and body, or what went wrong.
fn read(text: &[u8]) -> Result<(u16, Vec<u8>), String> {
    let mut response = read_response(text).map_err(|e| e.to_string())?;
    let mut body = Vec::new();
    response.body.read_to_end(&mut body).map_err(|e| HttpError::from(e).to_string())?;
    Ok((response.status, body))
}

#[test]
fn bodies_of_every_framing() {
    for (text, status, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", 200, "abc"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.0 404\r\ncontent-length:0\r\n\r\n", 404, ""),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde", 204, ""),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n3;x=y\nabc\n0\n\n", 200, "abc"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
            200,
            "abc0123456789",
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", 500, "no"),
    ] {
        assert_eq!(read(text.as_bytes()), Ok((status, body.as_bytes().to_vec())), "{text}");
    }
}

#[test]
fn what_is_not_http_is_named() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(70_000));
    let closed = "the connection was closed in the middle";
    for (text, why) in [
        ("", closed),
        ("HTTP/1.1 200 OK\r\nContent-Le", closed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", closed),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", closed),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", closed),
        ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP: it does not begin with HTTP/1"),
        ("HTTP/1.1 999 X\r\n\r\n", "the answer is not HTTP: it has no status"),
        ("HTTP/1.1 101 Switching\r\n\r\n", "the answer is not HTTP: it switches protocols, unasked"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the answer is not HTTP: a field has no colon"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
            "the answer is not HTTP: its length is no number",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            "the answer is not HTTP: it has two lengths",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
            "the answer is not HTTP: its body is coded in a way that was not asked for",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", "a chunk has no size"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
            "a chunk is longer than it says",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "a chunk has no size",
        ),
        (long.as_str(), "the answer is not HTTP: its head is longer than 64 KiB"),
    ] {
        assert_eq!(read(text.as_bytes()), Err(why.to_owned()), "{}", &text[..text.len().min(80)]);
    }
}

#[test]
fn a_chunked_body_is_read_back() {
    let body: Vec<u8> = (0..400_000u32).map(|i| (i * 31) as u8).collect();
    let mut writer = ChunkedWriter::new(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec());
    for piece in body.chunks(777) {
        writer.write_all(piece).unwrap();
    }
    assert_eq!(read(&writer.finish().unwrap()), Ok((200, body)));
}
