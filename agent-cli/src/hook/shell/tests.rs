use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Disk, writes};

/// `/repo` with a folder `docs` in it, and a patch.
struct Tree;

impl Disk for Tree {
    fn is_folder(&self, path: &Path) -> bool {
        path == Path::new("/repo/docs")
    }
    fn exists(&self, path: &Path) -> bool {
        [Path::new("/repo/docs"), Path::new("/repo/a.md")].contains(&path)
    }
    fn read(&self, path: &Path) -> Option<String> {
        (path == Path::new("/repo/fix.patch")).then(|| {
            "--- a/src/old.rs\n+++ b/src/new.rs\n@@ -1 +1 @@\n-x\n+y\n--- /dev/null\n+++ b/added.rs\n".to_owned()
        })
    }
}

fn written(command: &str) -> Vec<String> {
    writes(command, Path::new("/repo"), &Tree)
        .into_iter()
        .map(|one| {
            let path = one
                .path
                .strip_prefix("/repo")
                .map_or(one.path.clone(), PathBuf::from);
            format!(
                "{}{}",
                path.display(),
                if one.pattern { " (pattern)" } else { "" }
            )
        })
        .collect()
}

#[test]
fn commands_that_write_are_seen() {
    for (command, files) in [
        ("echo hi > a.md", vec!["a.md"]),
        ("echo hi >>a.md 2>&1", vec!["a.md"]),
        ("make 2> log.txt >/dev/null", vec!["log.txt"]),
        ("make &> log.txt", vec!["log.txt"]),
        ("echo a >| 'b c.md'", vec!["b c.md"]),
        (
            "cat <<'EOF' > a.md\nrm -rf docs > x\nEOF\ntouch b",
            vec!["a.md", "b"],
        ),
        ("cat <<-EOF >a.md\n\tEOF\nrm b", vec!["a.md", "b"]),
        ("printf x | tee -a a.md b.md", vec!["a.md", "b.md"]),
        ("sed -i 's/a/b/' a.md b.md", vec!["a.md", "b.md"]),
        ("sed -i.bak -e 's/a/b/' a.md", vec!["a.md"]),
        ("sed -Ei '' a.md", vec!["a.md"]),
        ("sed 's/a/b/' a.md", vec![]),
        ("perl -pi -e 's/a/b/' a.md", vec!["a.md"]),
        ("perl -i -pe 's/a/b/' a.md", vec!["a.md"]),
        ("rm -rf -- docs/old -x", vec!["-x", "docs/old"]),
        ("rm docs/*.md", vec!["docs/*.md (pattern)"]),
        ("mv a.md b.md", vec!["a.md", "b.md"]),
        ("mv a.md docs", vec!["a.md", "docs/a.md"]),
        ("cp -r src/a.md docs/", vec!["docs/a.md"]),
        ("cp -t docs a b", vec!["docs/a", "docs/b"]),
        ("cp a.md b.md", vec!["b.md"]),
        ("dd if=/dev/zero of=disk.img bs=1M", vec!["disk.img"]),
        ("truncate -s 0 a.md", vec!["a.md"]),
        ("chmod +x run.sh", vec!["run.sh"]),
        (
            "git rm a.md && git mv b.md docs",
            vec!["a.md", "b.md", "docs/b.md"],
        ),
        ("git rm --cached a.md", vec![]),
        ("git -C docs restore -s HEAD~1 b.md", vec!["docs/b.md"]),
        ("git restore --staged a.md", vec![]),
        ("git checkout -- x y", vec!["x", "y"]),
        ("git checkout main a.md", vec!["a.md"]),
        ("git checkout main", vec![]),
        ("git checkout -b docs", vec![]),
        (
            "git apply fix.patch",
            vec!["added.rs", "src/new.rs", "src/old.rs"],
        ),
        (
            "patch -p1 < fix.patch",
            vec!["added.rs", "src/new.rs", "src/old.rs"],
        ),
        (
            "patch -p1 -i fix.patch",
            vec!["added.rs", "src/new.rs", "src/old.rs"],
        ),
        ("git apply --check fix.patch", vec![]),
        (
            "cd docs && rm a.md; cd ..; rm b.md",
            vec!["b.md", "docs/a.md"],
        ),
        ("(cd docs; rm a.md); rm b.md", vec!["b.md", "docs/a.md"]),
        ("cd $HOME && rm a.md", vec![]),
        ("if true; then rm a.md; fi", vec!["a.md"]),
        ("for f in a b; do rm $f; rm c; done", vec!["c"]),
        ("FOO=1 sudo -n env BAR=2 rm a.md", vec!["a.md"]),
        ("timeout 5 rm a.md", vec!["a.md"]),
        ("/bin/rm a.md", vec!["a.md"]),
        ("bash -lc 'cd docs; rm \"a b\"'", vec!["docs/a b"]),
        ("eval 'rm a.md'", vec!["a.md"]),
        (
            "echo $(rm a.md) `touch b.md` \"$(touch c.md)\"",
            vec!["a.md", "b.md", "c.md"],
        ),
        ("diff <(sort a) <(tee b < c)", vec!["b"]),
        ("rm /etc/hosts", vec!["/etc/hosts"]),
        ("echo 'rm a.md > b' # > c", vec![]),
        ("echo a \\> b; rm a\\ b", vec!["a b"]),
        ("rm \"$FILE\" ~/x", vec![]),
        (
            "rm {docs,src}/a.md x{1..3} {p,q{r,s}}",
            vec!["docs/a.md", "p", "qr", "qs", "src/a.md", "x1", "x2", "x3"],
        ),
        (
            "touch {} {x} a,b '{c,d}' \\{e,f} {g,",
            vec!["a,b", "{c,d}", "{e,f}", "{g,", "{x}", "{}"],
        ),
        ("{ rm a; touch b,c; }", vec!["a", "b,c"]),
        ("cp {a,b}.md docs", vec!["docs/a.md", "docs/b.md"]),
        ("rm {1..99999}", vec![]),
        ("find . -name x -delete; ls | xargs rm", vec![]),
        ("echo $((1 > 2))", vec![]),
        ("[ 1 -gt 2 ] && ls | grep x", vec![]),
    ] {
        assert_eq!(written(command), files, "{command}");
    }
}

proptest! {
    #[test]
    fn anything_is_read(command in any::<String>()) {
        written(&command);
    }

    #[test]
    fn anything_like_a_shell_is_read(command in r#"[a-c '"$`(){}<>|&;\\\n#*~=-]{0,40}"#) {
        written(&command);
    }
}
