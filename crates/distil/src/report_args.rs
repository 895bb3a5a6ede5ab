//! `distil report`: what can be typed, and what it means.

use std::path::{Path, PathBuf};

use clap::Args;
use diag::{Diagnostic, Kind};
use oci::Platform;
use ops::image_name::ImageName;
use ops::report_page::{self, ReportRequest};
use serde_json::json;

use crate::args::Cli;
use crate::commands::print_as_is;
use crate::environment::Environment;
use crate::{Talk, exit, surroundings};

/// Show an image as a web page of one file, alone or compared with another
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil report base                               write report.html\n  \
                  distil report base --against docker-daemon:debian:13 -o base.html   before and after\n  \
                  distil report oci:out --platform linux/arm64 -o -   to standard output")]
pub(crate) struct ReportArgs {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub(crate) image: ImageName,
    /// The image before, to compare with
    #[arg(long, value_name = "OTHER")]
    pub(crate) against: Option<ImageName>,
    /// Of an image of several platforms, this one [default: the host's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Write the page there; `-` is standard output [default: report.html; with --json, nowhere]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

pub(crate) fn run(args: &ReportArgs, cli: &Cli, env: &Environment, talk: &Talk) -> Result<u8, Diagnostic> {
    let standard = Path::new("-");
    if talk.json && args.output.as_deref() == Some(standard) {
        let text = "cannot write the page and its data both to standard output";
        return Err(Diagnostic::new(Kind::Usage, text).hint("give --json a file beside it: -o report.html"));
    }
    let world = surroundings::world(&cli.global, env, talk)?;
    let request = ReportRequest {
        image: args.image.clone(),
        against: args.against.clone(),
        platform: args.platform.clone(),
        program: concat!("distil ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let page = report_page::read(&world, &request)?;
    let output = match &args.output {
        None if talk.json => None,
        None => Some(Path::new("report.html")),
        Some(file) => Some(file.as_path()),
    };
    talk.data(|| json!({ "schema": 0, "report": report_page::findings(&page) }))?;
    match output {
        Some(file) if file == standard => print_as_is(&report_page::html(&page))?,
        Some(file) => {
            let written = report_page::write(&world, file, &page)?;
            talk.say_line(&format!("wrote {} ({})", file.display(), diag::bytes(written)));
        }
        None => {}
    }
    Ok(exit::DONE)
}
