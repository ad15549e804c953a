//! Files of the page.

use motcua_shell::http::PageFile;

pub(crate) static PAGE: &[PageFile] = &[
    PageFile::html("/", include_str!("../../page/index.html")),
    PageFile::style("/style.css", include_str!("../../page/style.css")),
    PageFile::script("/words.js", include_str!("../../page/words.js")),
    PageFile::script("/live.js", include_str!("../../page/live.js")),
    PageFile::script("/live_worker.js", include_str!("../../page/live_worker.js")),
    PageFile::script("/sync.js", include_str!("../../page/sync.js")),
    PageFile::script("/list.js", include_str!("../../page/list.js")),
    PageFile::script("/lists.js", include_str!("../../page/lists.js")),
    PageFile::script("/fields.js", include_str!("../../page/fields.js")),
    PageFile::script("/papers.js", include_str!("../../page/papers.js")),
    PageFile::script("/drafts.js", include_str!("../../page/drafts.js")),
    PageFile::script("/draft_view.js", include_str!("../../page/draft_view.js")),
    PageFile::script("/person.js", include_str!("../../page/person.js")),
    PageFile::script("/register.js", include_str!("../../page/register.js")),
    PageFile::script("/pauses.js", include_str!("../../page/pauses.js")),
    PageFile::script("/extend.js", include_str!("../../page/extend.js")),
    PageFile::script("/corrections.js", include_str!("../../page/corrections.js")),
    PageFile::script("/conflicts.js", include_str!("../../page/conflicts.js")),
    PageFile::script("/voids.js", include_str!("../../page/voids.js")),
    PageFile::script("/links.js", include_str!("../../page/links.js")),
    PageFile::script("/dossier.js", include_str!("../../page/dossier.js")),
    PageFile::script("/acts.js", include_str!("../../page/acts.js")),
    PageFile::script("/passes.js", include_str!("../../page/passes.js")),
    PageFile::script("/hand.js", include_str!("../../page/hand.js")),
    PageFile::script("/scans.js", include_str!("../../page/scans.js")),
    PageFile::script("/scan_folder.js", include_str!("../../page/scan_folder.js")),
    PageFile::script("/setup.js", include_str!("../../page/setup.js")),
    PageFile::script("/forms.js", include_str!("../../page/forms.js")),
    PageFile::script("/money.js", include_str!("../../page/money.js")),
    PageFile::script("/later.js", include_str!("../../page/later.js")),
    PageFile::script("/words_later.js", include_str!("../../page/words_later.js")),
    PageFile::script("/cash.js", include_str!("../../page/cash.js")),
    PageFile::script("/numbers.js", include_str!("../../page/numbers.js")),
    PageFile::script("/emergency.js", include_str!("../../page/emergency.js")),
    PageFile::script("/import.js", include_str!("../../page/import.js")),
    PageFile::script("/held.js", include_str!("../../page/held.js")),
    PageFile::script("/session.js", include_str!("../../page/session.js")),
    PageFile::script("/stood.js", include_str!("../../page/stood.js")),
    PageFile::script("/stead.js", include_str!("../../page/stead.js")),
    PageFile::script("/people.js", include_str!("../../page/people.js")),
    PageFile::script("/app.js", include_str!("../../page/app.js")),
    PageFile {
        path: "/api/v1/openapi.json",
        media: "application/json",
        text: include_str!("../../openapi.json"),
    },
];

#[cfg(test)]
mod tests {
    use super::PAGE;
    use motcua_shell::http::PageFile;

    /// What an old PC loads over a poor office network before the page is there, in bytes.
    const FIRST_PAGE: usize = 100_000;

    /// Scripts that are fetched when their view is opened.
    const LATER: [&str; 8] = [
        "/words_later.js",
        "/scan_folder.js",
        "/setup.js",
        "/hand.js",
        "/import.js",
        "/cash.js",
        "/emergency.js",
        "/stead.js",
    ];

    #[test]
    fn the_first_page_fits_a_hundred_kilobytes() {
        let (page, later) =
            (include_str!("../../page/index.html"), include_str!("../../page/later.js"));
        for path in LATER {
            assert!(PAGE.iter().any(|file| file.path == path), "{path} is served");
            assert!(!page.contains(path) && later.contains(path), "{path} comes later");
        }
        let is_first = |file: &&PageFile| !LATER.contains(&file.path);
        let first: Vec<PageFile> = PAGE.iter().filter(is_first).copied().collect();
        let weight = motcua_shell::http::weight(&first);
        assert!(weight > 30_000, "the page is in it");
        assert!(weight <= FIRST_PAGE, "{weight} bytes");
    }
}
