//! A server of `PostgreSQL` on loopback, of Debian's packages, for one test.

use crate::run;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

/// Longer than any of its programs takes.
const LIMIT: Duration = Duration::from_mins(1);

/// A server that runs. `owner` may do everything, without a password.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a cluster with an empty database `team`, and starts it.
    #[expect(clippy::new_without_default, reason = "a server is nothing that one has by default")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let server = Self { folder, programs: programs(), port };
        // It refuses to run as root.
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(server.folder.path()).status();
            assert!(owned.expect("chown").success());
        }
        let data = server.data();
        server
            .program("initdb", &["-D", &data, "-A", "trust", "-U", "owner", "-E", "UTF8", "--no-locale", "--no-sync"]);
        server.start();
        server.sql("owner", "postgres", "CREATE DATABASE team");
        server
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Starts it, after it was stopped.
    pub fn start(&self) {
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off", self.port);
        let log = self.folder.path().join("log").display().to_string();
        self.program("pg_ctl", &["-D", &self.data(), "-o", &options, "-l", &log, "-w", "start"]);
    }

    /// Stops it, as a crash would.
    pub fn stop(&self) {
        self.program("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    /// Its address for somebody, as `countersign sync --store` takes it.
    pub fn address(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/team", self.port)
    }

    /// What it says to a statement, unaligned.
    pub fn ask(&self, user: &str, statement: &str) -> Output {
        self.psql(user, "team", statement)
    }

    /// The same of what must not fail, without white space around it.
    pub fn says(&self, statement: &str) -> String {
        self.sql("owner", "team", statement)
    }

    fn sql(&self, user: &str, database: &str, statement: &str) -> String {
        let output = self.psql(user, database, statement);
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn psql(&self, user: &str, database: &str, statement: &str) -> Output {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            user,
            "-Atq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ]);
        psql.arg(database);
        run(&mut psql, LIMIT)
    }

    fn program(&self, name: &str, arguments: &[&str]) {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // What it starts stays, so nobody may wait for its output.
        let said = self.folder.path().join(format!("{name}.said"));
        let file = fs::File::create(&said).expect("a file");
        let status =
            command.args(arguments).current_dir("/").stdout(file.try_clone().expect("a file")).stderr(file).status();
        assert!(status.expect("it runs").success(), "{name}: {}", fs::read_to_string(said).unwrap_or_default());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        let pid = fs::read_to_string(Path::new(&data).join("postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            // SIGQUIT is its immediate end.
            let _ = Command::new("kill").args(["-QUIT", pid]).status();
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}

/// The folder of its newest programs.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|it| it.path().join("bin"));
    let newest = versions.filter(|it| it.join("initdb").exists()).max();
    newest.expect("PostgreSQL is not installed: `.ci/test` installs Debian's package `postgresql`")
}
