use std::fs;
use std::path::PathBuf;

use local_postgres::{Cluster, Error, Settings};

use crate::{folder, postmaster, psql};

#[test]
fn data_and_socket_survive_a_restart() -> Result<(), Error> {
    let folder = folder(0o755);
    let data = folder.path().join("postgres");

    let cluster = Cluster::start(
        &data,
        &Settings::default().set("track_commit_timestamp", "on"),
    )?;
    let url = cluster.url("postgres");
    assert_eq!(
        psql(&url, "show track_commit_timestamp"),
        Ok("on".to_owned())
    );
    assert_eq!(psql(&url, "show listen_addresses"), Ok(String::new()));
    psql(&url, "create table kept as select 42 as answer").expect("a table");
    cluster.stop()?;
    assert!(
        psql(&url, "select 1").is_err(),
        "the server still answers after stop"
    );

    let cluster = Cluster::start(&data, &Settings::default())?;
    assert_eq!(cluster.url("postgres"), url);
    assert_eq!(psql(&url, "select answer from kept"), Ok("42".to_owned()));
    Ok(())
}

#[test]
fn a_folder_in_use_is_refused_by_name_and_process() -> Result<(), Error> {
    let folder = folder(0o755);
    let _cluster = Cluster::start(folder.path(), &Settings::default())?;
    let refusal =
        Cluster::start(folder.path(), &Settings::default()).expect_err("two servers on one folder");
    assert!(
        matches!(&refusal, Error::InUse { pid, .. } if u32::try_from(*pid) == Ok(std::process::id())),
        "{refusal}"
    );
    assert!(
        refusal.to_string().contains("stop that process"),
        "{refusal}"
    );
    Ok(())
}

#[test]
fn databases_are_created_once_whatever_their_name() -> Result<(), Error> {
    let cluster = Cluster::temporary(&Settings::default())?;
    for name in ["board", "board", "it's a \"board\" / 100 %"] {
        cluster.create_database(name)?;
        assert_eq!(
            psql(&cluster.url(name), "select current_database()"),
            Ok(name.to_owned())
        );
    }
    Ok(())
}

#[test]
fn text_is_ordered_by_language_unless_asked_otherwise() -> Result<(), Error> {
    let cluster = Cluster::temporary(&Settings::default())?;
    let url = cluster.url("postgres");
    assert_eq!(
        psql(
            &url,
            "select 'é' < 'z', 'é' < 'z' collate \"C\", upper('é')"
        ),
        Ok("t|f|É".to_owned())
    );
    Ok(())
}

#[test]
fn a_temporary_cluster_leaves_nothing_behind() -> Result<(), Error> {
    let cluster = Cluster::temporary(&Settings::default())?;
    let (data, sockets) = (
        cluster.data_dir().to_owned(),
        cluster.socket_dir().to_owned(),
    );
    assert!(data.is_dir() && sockets.is_dir());
    drop(cluster);
    assert!(!data.exists() && !sockets.exists());
    Ok(())
}

#[test]
fn a_crash_loses_nothing_that_was_committed() -> Result<(), Error> {
    let mut cluster = Cluster::temporary(&Settings::default())?;
    let url = cluster.url("postgres");
    psql(&url, "create table kept as select 42 as answer").expect("a table");
    let before = postmaster(cluster.data_dir());
    cluster.restart_immediate()?;
    assert_ne!(postmaster(cluster.data_dir()), before);
    assert_eq!(psql(&url, "select answer from kept"), Ok("42".to_owned()));
    Ok(())
}

#[test]
fn long_paths_get_short_sockets() -> Result<(), Error> {
    let folder = folder(0o755);
    let data: PathBuf = folder
        .path()
        .join("a-rather-long-name-for-a-folder/".repeat(5));
    fs::create_dir_all(&data).expect("a deep folder");
    let cluster = Cluster::start(&data, &Settings::default())?;
    assert_eq!(
        psql(&cluster.url("postgres"), "select 1"),
        Ok("1".to_owned())
    );
    let sockets = cluster.socket_dir().to_owned();
    assert!(!sockets.starts_with(folder.path()));
    cluster.stop()?;
    assert!(!sockets.exists());
    Ok(())
}

#[test]
fn a_stale_pid_file_with_a_reused_number_is_survived() -> Result<(), Error> {
    let folder = folder(0o755);
    Cluster::start(folder.path(), &Settings::default())?.stop()?;
    // This test's own number: alive, and not a Postgres.
    let stale = format!("{}\n/somewhere\n1\n5432\n\n\n\nready\n", std::process::id());
    fs::write(folder.path().join("cluster/postmaster.pid"), stale).expect("a stale file");
    let cluster = Cluster::start(folder.path(), &Settings::default())?;
    assert_eq!(
        psql(&cluster.url("postgres"), "select 1"),
        Ok("1".to_owned())
    );
    Ok(())
}

#[test]
fn a_setting_that_postgres_refuses_is_told_in_its_own_words() {
    let refusal = Cluster::temporary(&Settings::default().set("no_such_setting", "1"))
        .expect_err("an unknown setting");
    assert!(refusal.to_string().contains("no_such_setting"), "{refusal}");
}
