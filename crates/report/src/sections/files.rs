//! The file explorer: its frame; the script fills it.

pub(crate) fn html() -> String {
    "<p class=\"lead\">Every path after the last layer: what it is, whose it is, and which layer brought it.</p>\n\
     <div class=\"tools\" role=\"search\" aria-label=\"Files\"><label class=\"grow\">Search all paths\
     <input type=\"search\" id=\"file-search\" autocomplete=\"off\" spellcheck=\"false\"></label>\
     <label>Package<select id=\"file-owner\"><option value=\"\">All</option><option value=\"-1\">Of no package</option></select></label>\
     <label>Layer<select id=\"file-layer\"><option value=\"\">All</option></select></label>\
     <label>Order<select id=\"file-order\"><option value=\"name\">By name</option><option value=\"size\">By size</option></select></label></div>\n\
     <p class=\"status\" id=\"file-status\" role=\"status\"></p>\n<div class=\"grid\" id=\"file-grid\"></div>\n\
     <div class=\"detail\" id=\"file-detail\" role=\"region\" aria-label=\"The chosen path\" aria-live=\"polite\" hidden></div>\n\
     <p class=\"hint\">Arrow keys move, open and close; Enter shows a found path in its place.</p>\n"
        .to_owned()
}
