//! The map of sizes: its frame; the script draws it, and writes the same as a table.

use crate::document::Facts;

pub(crate) fn html(facts: &Facts<'_>) -> String {
    let choice = |value: &str, label: &str, checked: bool| {
        let checked = if checked { " checked" } else { "" };
        format!(
            "<label><input type=\"radio\" name=\"map-by\" value=\"{value}\"{checked}><span>{label}</span></label>"
        )
    };
    let packages = !facts.image.packages.is_empty();
    format!(
        "<p class=\"lead\">Each rectangle is as large as its share of the unpacked bytes.</p>\n\
         <div class=\"map-head\"><fieldset class=\"choice\"><legend class=\"sr\">Map by</legend>{}{}</fieldset>\n\
         <nav aria-label=\"Place in the map\"><ol class=\"trail\" id=\"map-trail\"></ol></nav>\n\
         <button type=\"button\" class=\"button\" id=\"map-up\">Zoom out</button></div>\n\
         <div class=\"map\" id=\"map\" role=\"group\" aria-label=\"Map of sizes\" aria-describedby=\"map-keys\"></div>\n\
         <p class=\"status sr\" id=\"map-status\" role=\"status\"></p>\n\
         <p class=\"hint\" id=\"map-keys\">Click or press Enter to zoom in, Escape to zoom out; arrow keys move.</p>\n\
         <noscript><p class=\"notes\">The map, the file explorer, sorting and filters need the script of this page.</p></noscript>\n\
         <details><summary>The same as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"The map as a table\"><table id=\"map-table\"><thead><tr><th scope=\"col\">Part</th>\
         <th scope=\"col\" class=\"n\">Size</th><th scope=\"col\" class=\"n\">Share</th><th scope=\"col\" class=\"n\">Files</th>\
         </tr></thead><tbody></tbody></table></div></details>\n",
        choice("package", "By package", packages),
        choice("directory", "By directory", !packages),
    )
}
