use std::collections::BTreeMap;

use oci::ContainerConfig;
use recipe::{Resolved, RunAs, World};

/// What every image of a world has in its environment, unless the recipe says otherwise: of deb as
/// Google's images, of apk as apko.
fn defaults(world: World) -> [(&'static str, &'static str); 2] {
    let path = match world {
        World::Deb => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        World::Apk => "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin",
    };
    [("PATH", path), ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")]
}

/// What apko writes into every image's labels: when it was made.
const CREATED: &str = "org.opencontainers.image.created";

/// The execution parameters of the image, whose user has number `uid`, made at `created`.
pub(crate) fn config(recipe: &Resolved, uid: Option<u32>, created: i64) -> ContainerConfig {
    let mut labels = recipe.labels.clone();
    if recipe.world == World::Apk {
        labels.entry(CREATED.to_owned()).or_insert_with(|| trust::Time(created).to_string());
    }
    let mut environment: BTreeMap<&str, &str> = defaults(recipe.world).into();
    environment.extend(recipe.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let default_dir = match recipe.world {
        World::Deb => "/",
        World::Apk => "",
    };
    let user = uid.map(|uid| match &recipe.run_as {
        Some(RunAs::Numbers { gid, .. }) => format!("{uid}:{gid}"),
        _ => uid.to_string(),
    });
    ContainerConfig {
        user: user.unwrap_or_default(),
        exposed_ports: recipe.ports.iter().map(|p| (p.to_string(), oci::Empty {})).collect(),
        env: environment.into_iter().map(|(k, v)| format!("{k}={v}")).collect(),
        entrypoint: recipe.entrypoint.clone(),
        cmd: recipe.cmd.clone(),
        healthcheck: None,
        volumes: recipe.volumes.iter().map(|v| (v.clone(), oci::Empty {})).collect(),
        working_dir: recipe.work_dir.clone().unwrap_or_else(|| default_dir.to_owned()),
        labels,
        stop_signal: recipe.stop_signal.clone().unwrap_or_default(),
        other: BTreeMap::new(),
    }
}
