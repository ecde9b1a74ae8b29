//! A bucket of a store that speaks S3, looked into by the whole product: client, command, server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use avala::api::storage_configs::{StorageConfig, StorageProvider};
use avala_tests::{ServeProcess, avala, python};

/// moto, which has S3's answers. Signatures it takes as they come. It ends with this value.
struct Store {
    child: Child,
    address: SocketAddr,
}

impl Store {
    fn start(python: &std::path::Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new(python)
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &address.port().to_string(),
            ])
            .env_remove("VIRTUAL_ENV")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let store = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "the store does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        store
    }

    fn make_bucket(&self, name: &str) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let request = format!(
            "PUT /{name} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn a_bucket_of_a_store_that_speaks_s3_is_looked_into() {
    // Given a store with one bucket, and a server beside it.
    let Some(python) = python() else { return };
    let store = Store::start(&python);
    store.make_bucket("recordings");
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", store.address);
    let more = [
        "--s3-endpoint",
        &endpoint,
        "--allow-webhook-target",
        "127.0.0.0/8",
    ];
    let server = ServeProcess::start_by(&mut avala(&[]), &folder.path().join("data"), &more);
    let client = server.client();
    let make = |bucket: &str| -> StorageConfig {
        client
            .storage_configs()
            .create("recordings", StorageProvider::AwsS3)
            .s3_bucket_name(bucket)
            .s3_bucket_region("us-east-1")
            .s3_access_key_id("AKIATEST")
            .s3_secret_access_key("secret")
            .send()
            .unwrap()
    };

    // Then that bucket is verified, and another is not.
    assert!(make("recordings").is_verified);
    let absent = make("absent");
    assert!(!absent.is_verified && absent.last_verified_at.is_some());
    let result = client.storage_configs().test(&absent.uid).send().unwrap();
    assert_eq!(result.errors.0["s3_bucket_name"], ["There is no such bucket."]);

    // And is, once it is there.
    store.make_bucket("absent");
    assert!(
        client
            .storage_configs()
            .test(&absent.uid)
            .send()
            .unwrap()
            .verified
    );
    assert!(
        client
            .storage_configs()
            .get(&absent.uid)
            .send()
            .unwrap()
            .is_verified
    );
    server.stop();
}
