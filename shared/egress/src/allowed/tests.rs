use super::*;

fn check(allowed: &Allowed, url: &str) -> &'static str {
    let Ok(url) = Url::parse(url) else {
        return "no URL";
    };
    match allowed.check(&url) {
        Ok(()) => "ok",
        Err(UrlError::Scheme) => "scheme",
        Err(UrlError::UserInfo) => "user",
        Err(UrlError::Address) => "address",
        Err(UrlError::Insecure) => "http",
        Err(UrlError::Port(_)) => "port",
    }
}

/// What a stranger can write in a request, with nothing listed.
#[test]
fn a_strangers_url_is_public_and_https() {
    let table = [
        // Names: which addresses they have is found out when they are resolved.
        ("https://backend.example/hook?x=1", "ok"),
        ("https://BACKEND.example:8443/", "ok"),
        ("https://backend.example./", "ok"),
        ("https://bücher.example/", "ok"),
        ("https://xn--bcher-kva.example/", "ok"),
        ("https://127.0.0.1.nip.io/", "ok"),
        ("https://metadata.google.internal/", "ok"),
        ("https://localhost/", "address"),
        ("https://LOCALHOST./", "address"),
        ("https://a.localhost/", "address"),
        ("https://localhost.example/", "ok"),
        ("https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "address"),
        // Other schemes, and what is no URL at all.
        ("http://backend.example/", "http"),
        ("ftp://backend.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/plain,x", "scheme"),
        ("gopher://127.0.0.1:6379/_x", "scheme"),
        ("//backend.example/", "no URL"),
        ("backend.example", "no URL"),
        ("https://", "no URL"),
        ("https:///etc/passwd", "ok"), // the host is "etc"
        ("https://back end.example/", "no URL"),
        ("https://backend.example%00.attacker.example/", "no URL"),
        // IPv4 in every way to write it.
        ("https://93.184.215.14/", "ok"),
        ("https://127.0.0.1/", "address"),
        ("https://127.0.0.1./", "address"),
        ("https://127.1/", "address"),
        ("https://127.0.1/", "address"),
        ("https://2130706433/", "address"),
        ("https://0x7f000001/", "address"),
        ("https://0x7f.0.0.1/", "address"),
        ("https://017700000001/", "address"),
        ("https://0177.0.0.1/", "address"),
        ("https://0/", "address"),
        ("https://0.0.0.0/", "address"),
        ("https://127%2e0%2e0%2e1/", "address"),
        ("https://127。0。0。1/", "address"),
        ("https://①②⑦.⓪.⓪.①/", "address"),
        ("https://１２７.0.0.1/", "address"),
        ("https://10.0.0.1/", "address"),
        ("https://172.16.0.1/", "address"),
        ("https://192.168.0.1/", "address"),
        ("https://192.168.1/", "address"),
        ("https://100.64.0.1/", "address"),
        ("https://169.254.169.254/latest/meta-data/", "address"),
        ("https://2852039166/", "address"),
        ("https://0xa9fea9fe/", "address"),
        ("https://168.63.129.16/", "address"),
        ("https://255.255.255.255/", "address"),
        ("https://256.0.0.1/", "no URL"),
        ("https://1.2.3.4.5/", "no URL"),
        ("https://0x7f.1.2.3.4/", "no URL"),
        ("https://4294967296/", "no URL"),
        // IPv6.
        ("https://[2606:4700:4700::1111]/", "ok"),
        ("https://[::1]/", "address"),
        ("https://[::]/", "address"),
        ("https://[0:0:0:0:0:0:0:1]/", "address"),
        ("https://[::ffff:127.0.0.1]/", "address"),
        ("https://[::ffff:7f00:1]/", "address"),
        ("https://[::ffff:1.1.1.1]/", "address"),
        ("https://[::127.0.0.1]/", "address"),
        ("https://[64:ff9b::127.0.0.1]/", "address"),
        ("https://[64:ff9b::1.1.1.1]/", "address"),
        ("https://[2002:7f00:1::]/", "address"),
        ("https://[2001:0:7f00:1::]/", "address"),
        ("https://[fc00::1]/", "address"),
        ("https://[fd00:ec2::254]/", "address"),
        ("https://[fe80::1]/", "address"),
        ("https://[fe80::1%25eth0]/", "no URL"),
        ("https://[fe80::1%eth0]/", "no URL"),
        ("https://[::1", "no URL"),
        ("https://::1/", "no URL"),
        // What stands before an @ is no host.
        ("https://me@backend.example/", "user"),
        ("https://me:secret@backend.example/", "user"),
        ("https://backend.example@127.0.0.1/", "user"),
        ("https://backend.example:443@127.0.0.1/", "user"),
        ("https://:@127.0.0.1/", "address"),
        ("https://127.0.0.1#@backend.example/", "address"),
        ("https://127.0.0.1?@backend.example/", "address"),
        ("https://127.0.0.1\\@backend.example/", "address"),
        ("https://backend.example\\@127.0.0.1/", "ok"), // a browser's reading, and ours
        ("https:backend.example", "ok"),
        ("https:127.0.0.1", "address"),
        ("\thttps://127.0.0.1/\n", "address"),
        ("ht\ntps://127.0.0.1/", "address"),
        // Ports.
        ("https://backend.example:443/", "ok"),
        ("https://backend.example:80/", "ok"),
        ("https://backend.example:0/", "port"),
        ("https://backend.example:22/", "port"),
        ("https://backend.example:25/", "port"),
        ("https://backend.example:6667/", "port"),
        ("https://backend.example:65536/", "no URL"),
        ("https://backend.example:-1/", "no URL"),
        ("https://127.0.0.1:25/", "address"),
    ];
    assert!(table.len() >= 60);
    let nothing = Allowed::default();
    for (url, expected) in table {
        assert_eq!(check(&nothing, url), expected, "{url}");
    }
}

#[test]
fn what_is_listed_is_open_and_its_neighbours_are_not() {
    let allowed: Allowed = "127.0.0.1, ::1,localhost,10.1.0.0/16,Backend.Internal."
        .parse()
        .unwrap();
    for (url, expected) in [
        ("http://127.0.0.1:4000/hook", "ok"),
        ("http://127.1:4000/", "ok"),
        ("http://localhost:4000/", "ok"),
        ("http://localhost./", "ok"),
        ("http://[::1]:4000/", "ok"),
        ("https://10.1.2.3/", "ok"),
        ("http://10.1.2.3:25/", "ok"),
        ("http://backend.internal/", "ok"),
        ("http://me@127.0.0.1/", "user"),
        ("ftp://127.0.0.1/", "scheme"),
        ("http://127.0.0.2/", "address"),
        ("https://[::ffff:127.0.0.1]/", "address"),
        ("https://10.2.0.0/", "address"),
        ("http://other.internal/", "http"),
        ("http://a.backend.internal/", "http"),
        ("https://a.localhost/", "address"),
    ] {
        assert_eq!(check(&allowed, url), expected, "{url}");
    }
}

#[test]
fn an_address_is_judged_when_a_name_is_resolved() {
    let allowed: Allowed = "backend.internal,10.1.0.0/16".parse().unwrap();
    let may = |host: &str, address: &str| allowed.may_connect(host, address.parse().unwrap());
    assert!(may("backend.example", "93.184.215.14"));
    assert!(may("backend.example", "10.1.0.1"));
    assert!(!may("backend.example", "10.2.0.1"));
    assert!(!may("backend.example", "127.0.0.1"));
    assert!(may("backend.internal.", "192.168.0.1"));
    for metadata in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
    ] {
        assert!(!may("backend.internal", metadata), "{metadata}");
    }
}

#[test]
fn a_fault_names_the_variable_and_the_entry() {
    for (list, expected) in [
        ("localhost,", "the entry \"\" is empty"),
        ("http://localhost", "is a URL"),
        ("localhost:80", "the entry \"localhost:80\" is none"),
        ("*.example", "has a wildcard"),
        ("127.1", "is an unusual way to write 127.0.0.1"),
        ("[::1]", "has brackets: write ::1"),
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("a b", "the entry \"a b\" is none"),
        ("host/8", "is none"),
    ] {
        let env = Env::from_iter([("EGRESS_ALLOW", list)]);
        let fault = Allowed::from_env(&env).unwrap_err().to_string();
        assert!(
            fault.contains("EGRESS_ALLOW") && fault.contains(expected),
            "{fault}"
        );
    }
    let unset = Env::from_iter([("EGRESS_ALLOW", "")]);
    assert_eq!(Allowed::from_env(&unset).unwrap(), Allowed::default());
}
