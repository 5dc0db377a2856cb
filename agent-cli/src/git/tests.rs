use std::fs;

use super::{remote, remote_in, root};

#[test]
fn the_name_is_the_last_part_of_the_remotes_address() {
    for (url, name) in [
        ("git@example.org:team/board.git", Some("board")),
        ("https://example.org/team/board", Some("board")),
        ("https://example.org/team/board.git/", Some("board")),
        ("ssh://git@example.org:22/board.git", Some("board")),
        ("\"../board.git\"", Some("board")),
        ("/srv/git/board/.git", Some("board")),
        ("host:board", Some("board")),
        ("/", None),
        ("", None),
    ] {
        let config = format!("[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {url}\n");
        assert_eq!(remote_in(&config).as_deref(), name, "{url}");
    }
}

#[test]
fn origin_comes_first_and_other_sections_do_not_count() {
    let config = "[branch \"main\"]\n url = x/branch\n[remote \"fork\"]\n url = x/fork\n[remote \"origin\"]\n url = x/origin\n";
    assert_eq!(remote_in(config).as_deref(), Some("origin"));
    let config = "[remote \"fork\"]\n fetch = +refs\n url = x/fork\n[remote \"other\"]\n url = x/other\n[url \"a\"]\n url = x/no\n";
    assert_eq!(remote_in(config).as_deref(), Some("fork"));
    assert_eq!(remote_in("[core]\n bare = false\n"), None);
    assert_eq!(remote_in(""), None);
}

#[test]
fn a_linked_work_tree_has_the_main_ones_remote() {
    let folder = tempfile::tempdir().unwrap();
    let (main, linked) = (folder.path().join("main"), folder.path().join("linked"));
    let worktree = main.join(".git/worktrees/linked");
    fs::create_dir_all(&worktree).unwrap();
    fs::create_dir_all(linked.join("src")).unwrap();
    fs::write(
        main.join(".git/config"),
        "[remote \"origin\"]\nurl = host:board.git\n",
    )
    .unwrap();
    fs::write(worktree.join("commondir"), "../..\n").unwrap();
    fs::write(
        linked.join(".git"),
        format!("gitdir: {}\n", worktree.display()),
    )
    .unwrap();

    assert_eq!(root(&linked.join("src")), Some(linked.as_path()));
    assert_eq!(remote(&linked).as_deref(), Some("board"));
    assert_eq!(remote(&main).as_deref(), Some("board"));
}
