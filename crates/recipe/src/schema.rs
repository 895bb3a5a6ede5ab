//! The JSON Schema of a recipe (draft 2020-12), for editors; `distil schema` prints it.
//!
//! Written by hand: derived from the types it would describe values after parsing, not what may be
//! written. A test holds it to the key tables, and every example of the docs to it.

use serde_json::{Map, Value, json};

use crate::keys::{self, Keys};

/// The schema.
pub fn schema() -> Value {
    let mut recipe = body();
    recipe.insert(
        "include".to_owned(),
        described(
            blank(),
            "An image of the catalogue, or (with `/`, `.yaml` or `.yml`) a recipe file to build upon.",
        ),
    );
    recipe.insert(
        "variants".to_owned(),
        json!({
            "description": "Further images from the same lock; tagged TAG-VARIANT.",
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", "not": { "const": "latest" } },
            "additionalProperties": { "anyOf": [{ "$ref": "#/$defs/variant" }, { "type": "null" }] },
        }),
    );
    let mut variant = body();
    variant.insert(
        "of".to_owned(),
        described(list(text()), "Variants whose changes come first, in this order."),
    );
    let mut schema = object(&keys::RECIPE, recipe, &[]);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "distil recipe",
        "description": "What an image is made of.",
        "$defs": definitions(variant),
    });
    merge(&mut schema, head);
    schema
}

/// The definitions by name, and the table of keys that each is held to.
pub const DEFINITIONS: [(&str, &Keys); 15] = [
    ("variant", &keys::VARIANT),
    ("contents", &keys::CONTENTS),
    ("runtime-key", &keys::RUNTIME_KEY),
    ("baseimage", &keys::BASE_IMAGE),
    ("repository", &keys::REPOSITORY),
    ("package", &keys::PACKAGE),
    ("file", &keys::FILE),
    ("certificates", &keys::CERTIFICATES),
    ("certificate", &keys::CERTIFICATE),
    ("accounts", &keys::ACCOUNTS),
    ("user", &keys::USER),
    ("group", &keys::GROUP),
    ("entrypoint", &keys::ENTRYPOINT),
    ("path", &keys::PATH),
    ("layering", &keys::LAYERING),
];

fn definitions(variant: Map<String, Value>) -> Value {
    let mut all = Map::new();
    let mut add = |name: &str, value: Value| {
        all.insert(name.to_owned(), value);
    };
    add("variant", object(&keys::VARIANT, variant, &[]));
    add("contents", object(&keys::CONTENTS, contents(), &[]));
    add("runtime-key", object(&keys::RUNTIME_KEY, runtime_key(), &["name", "content"]));
    add("baseimage", object(&keys::BASE_IMAGE, base_image(), &["image", "apkindex"]));
    add("repository", object(&keys::REPOSITORY, repository(), &["deb"]));
    add("package", object(&keys::PACKAGE, package(), &["name"]));
    add("file", file());
    add("certificates", object(&keys::CERTIFICATES, certificates(), &[]));
    add("certificate", object(&keys::CERTIFICATE, certificate(), &["name", "content"]));
    add("accounts", object(&keys::ACCOUNTS, accounts(), &[]));
    add("user", object(&keys::USER, user(), &["username", "uid"]));
    add("group", object(&keys::GROUP, group(), &["groupname", "gid"]));
    add("entrypoint", object(&keys::ENTRYPOINT, entrypoint(), &[]));
    add("path", object(&keys::PATH, path(), &["path", "type"]));
    add("layering", object(&keys::LAYERING, layering(), &[]));
    add("mode", mode());
    add("id", json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX - 1 }));
    add("words", json!({ "anyOf": [any_text(), list(any_text())] }));
    add(
        "texts",
        json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } }),
    );
    Value::Object(all)
}

fn object(keys: &Keys, properties: Map<String, Value>, required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        merge(&mut schema, json!({ "required": required }));
    }
    debug_assert_eq!(
        schema["properties"].as_object().map_or(0, Map::len),
        keys.known.len(),
        "{}",
        keys.place
    );
    schema
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn properties(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// Empty is as good as absent.
fn blank() -> Value {
    json!({ "type": "string" })
}

/// What YAML may take for something else than a text and a recipe takes as written.
fn any_text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn list(of: Value) -> Value {
    json!({ "type": ["array", "null"], "items": of })
}

fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn absolute() -> Value {
    json!({ "type": "string", "pattern": "^/" })
}

fn described(mut schema: Value, text: &str) -> Value {
    merge(&mut schema, json!({ "description": text }));
    schema
}

fn body() -> Map<String, Value> {
    properties(json!({
        "contents": described(of("contents"), "What the image is made from."),
        "allow": described(
            list(json!({ "enum": ["shell", "package-manager", "setuid", "root"] })),
            "What a distroless image has not, unless it is said here. Not inherited through `include`."),
        "certificates": described(of("certificates"), "For the CA bundle and the Java keystore."),
        "accounts": described(of("accounts"), "Users, groups, and who the image runs as."),
        "entrypoint": described(of("entrypoint"), "What is run."),
        "cmd": described(of("words"), "Arguments that a user of the image may replace."),
        "environment": described(of("texts"), "Variables; values keep their source text."),
        "work-dir": described(
            json!({ "type": "string", "pattern": "^(/|$)" }), "The working directory."),
        "stop-signal": described(json!({ "type": ["string", "integer"] }), "As SIGTERM, SIGRTMIN+3 or 15."),
        "ports": described(
            list(json!({ "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": 65535 },
                { "type": "string", "pattern": "^[0-9]+(/(tcp|udp|sctp))?$" },
            ] })),
            "Ports that the image listens on, as 8080, 8080/tcp or 53/udp."),
        "volumes": described(list(absolute()), "Directories whose contents outlive the container."),
        "paths": described(list(of("path")), "Changes to the finished tree, in order."),
        "labels": described(of("texts"), "Labels of the image's config."),
        "annotations": described(of("texts"), "Annotations of manifest and index."),
        "archs": described(
            json!({ "type": "array", "minItems": 1, "items": text() }),
            "Architectures in the words of OCI, Debian or apk; `host`; `all`. The default for deb: amd64, arm64."),
        "layering": described(
            json!({ "anyOf": [of("layering"), { "type": "null" }] }), "How the tree is cut into layers."),
        "vcs-url": described(
            blank(), "URL@REVISION of the recipe's source; becomes annotations."),
        "format": described(
            json!({ "enum": ["tar", ""] }), "How layers are packed: apko's key, of which `tar` is known."),
    }))
}

fn contents() -> Map<String, Value> {
    properties(json!({
        "distribution": described(
            json!({ "type": "string", "pattern": "^(debian-12|debian-13|alpine-3\\.[0-9]{1,3}|alpine-edge|wolfi)$" }),
            "Release, updates and security of a distribution, with its own keys."),
        "snapshot": described(
            json!({ "type": "string", "pattern": "^[0-9]{8}T[0-9]{6}Z$" }),
            "Pins the distribution to a moment of its snapshot archive."),
        "repositories": described(
            list(json!({ "anyOf": [text(), of("repository")] })),
            "More sources: apt's one-line form, an apk base URL, `@tag URL`, a local directory."),
        "build_repositories": described(
            list(text()), "apk: repositories for the build only, which the image does not keep."),
        "runtime_repositories": described(
            list(text()), "apk: repositories that the image keeps, and the build does not use."),
        "keyring": described(list(text()), "Keys that sign the repositories."),
        "runtime_keyring": described(
            list(of("runtime-key")), "apk: keys for the image's own package manager."),
        "packages": described(
            list(json!({ "anyOf": [text(), of("package")] })),
            "deb: `name`, `name (>= 1.2)`, `name=1.2-3`, `name/suite`, `name:arch`; apk: its syntax; `!name` removes."),
        "files": described(list(of("file")), "The user's own files."),
        "slim": described(
            json!({ "enum": ["none", "classes", "reach"] }),
            "How much of the packages is cut away. The default: classes for deb, none for apk."),
        "keep": described(list(absolute()), "Globs that win over `slim` and `drop`."),
        "drop": described(list(absolute()), "Globs of what is cut besides."),
        "baseimage": described(of("baseimage"), "apk: an image to build upon."),
    }))
}

fn runtime_key() -> Map<String, Value> {
    properties(json!({
        "name": described(
            json!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9_.-]*$" }),
            "The file's name below /etc/apk/keys, as the index's signature names it."),
        "content": described(text(), "A public key in PEM."),
    }))
}

fn base_image() -> Map<String, Value> {
    properties(json!({
        "image": described(text(), "An OCI layout."),
        "apkindex": described(text(), "A directory with ARCH/APKINDEX, the image's packages."),
    }))
}

fn repository() -> Map<String, Value> {
    properties(json!({
        "deb": described(text(), "URI, suite and components, as in apt's one-line form."),
        "signed-by": described(
            json!({ "anyOf": [text(), list(text())] }),
            "Files of keys, or fingerprints, of which one must have signed."),
        "priority": described(
            json!({ "type": "integer", "minimum": -32768, "maximum": 32767, "not": { "const": 0 } }),
            "apt's pin priority; without it a package of the distribution is never shadowed."),
        "max-age": described(
            json!({ "type": "string", "pattern": "^[0-9]+[mhdw]$" }),
            "Oldest Release file that is accepted, as 12h or 7d."),
    }))
}

fn package() -> Map<String, Value> {
    properties(json!({
        "name": described(text(), "The package, with a bound if need be."),
        "only": described(list(absolute()), "Globs of the files that are taken; the package still owns them."),
        "drop": described(list(absolute()), "Globs of the files that are left out."),
    }))
}

fn file() -> Value {
    let map = properties(json!({
        "path": described(absolute(), "Where it goes; with `extract` the directory."),
        "content": described(any_text(), "Its text."),
        "source": described(text(), "A local file or directory, beside the recipe or in the working directory."),
        "url": described(json!({ "type": "string", "pattern": "^https?://" }), "Downloaded; needs `sha256`."),
        "sha256": described(json!({ "type": "string", "pattern": "^(sha256:)?[0-9a-fA-F]{64}$" }), "Of the download."),
        "extract": described(json!({ "type": "boolean" }), "It is an archive whose entries are wanted."),
        "mode": described(of("mode"), "Permissions."),
        "uid": described(of("id"), "Owner."),
        "gid": described(of("id"), "Group."),
    }));
    let mut schema = object(&keys::FILE, map, &["path"]);
    merge(
        &mut schema,
        json!({
            "oneOf": [{ "required": ["content"] }, { "required": ["source"] }, { "required": ["url", "sha256"] }],
            "dependentRequired": { "sha256": ["url"] },
        }),
    );
    schema
}

fn certificates() -> Map<String, Value> {
    properties(json!({
        "additional": list(json!({ "anyOf": [text(), of("certificate")] })),
        "providers": described(
            list(text()), "apk: whatever provides one of these has certificates for the bundle."),
    }))
}

fn certificate() -> Map<String, Value> {
    properties(json!({
        "name": described(text(), "Name of the file that it becomes."),
        "content": described(text(), "PEM."),
    }))
}

fn accounts() -> Map<String, Value> {
    properties(json!({
        "run-as": described(
            json!({ "anyOf": [blank(), of("id")] }),
            "A user's name or number, or two numbers, UID:GID. The default for deb: nonroot (65532). Not inherited through `include`."),
        "users": list(of("user")),
        "groups": list(of("group")),
    }))
}

fn user() -> Map<String, Value> {
    properties(json!({
        "username": text(),
        "uid": json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX - 1 }),
        "gid": described(of("id"), "The primary group; the uid if unset."),
        "shell": json!({ "type": "string", "pattern": "^(/|$)" }),
        "homedir": json!({ "type": "string", "pattern": "^(/|$)" }),
    }))
}

fn group() -> Map<String, Value> {
    properties(json!({ "groupname": text(), "gid": of("id"), "members": list(text()) }))
}

fn entrypoint() -> Map<String, Value> {
    properties(json!({
        "type": described(json!({ "enum": ["service-bundle", ""] }), "apk: s6 supervises the services."),
        "command": described(of("words"), "A list, or a text that is split as a shell would."),
        "shell-fragment": described(blank(), "A script for /bin/sh -c; wins over the command."),
        "services": described(of("texts"), "apk: what s6 runs, by name."),
    }))
}

fn path() -> Map<String, Value> {
    properties(json!({
        "path": described(text(), "Absolute, or relative to the image's root."),
        "type": { "enum": ["directory", "empty-file", "hardlink", "symlink", "permissions"] },
        "uid": of("id"),
        "gid": of("id"),
        "permissions": of("mode"),
        "source": described(blank(), "Of a link: what it leads to."),
        "recursive": described(json!({ "type": "boolean" }), "Mode and owner go to everything below, too."),
        "capabilities": described(
            json!({ "anyOf": [text(), list(text())] }),
            "File capabilities in setcap's form: cap_net_bind_service+ep."),
    }))
}

fn layering() -> Map<String, Value> {
    properties(json!({
        "strategy": { "enum": ["single", "split", "package", "origin"] },
        "budget": described(json!({ "type": "integer", "minimum": 1, "maximum": crate::resolved::MOST_BUDGET }), "Most layers; for package and origin."),
    }))
}

fn mode() -> Value {
    json!({ "anyOf": [
        { "type": "integer", "minimum": 0, "maximum": 4095 },
        { "type": "string", "pattern": "^0o?[0-7]{1,5}$" },
    ] })
}
