//! Who is let in and who is not: certificates, clocks, the denial list, and the hub's key.

use super::*;

/// Dials the hub with these credentials and expects the given TLS alert, and silence at the hub.
async fn is_refused(city: &City, hub_at: Timestamp, caller: Credentials, alert: u8) {
    is_refused_by_tcp(city, hub_at, caller.clone(), alert).await;
    let chain = certificates(&hub(), NodeKind::Hub, &city.ca);
    let credentials = Credentials::new(&hub(), &chain, city.trust(), clock_at(hub_at)).unwrap();
    let mut up = Side::new(true, credentials);
    let mut down = Side::new(false, caller);
    // The caller is done with its half of the handshake before the hub has judged it.
    if let Ok(dialed) = down.endpoint.dialer.dial_by(up.record(), Carrier::Quic).await {
        let (_link, _peer, _dialed, _writer) = down.up().await;
        let end = end(dialed).await;
        assert!(matches!(&end, LinkEnd::Certificate { alert: got, .. } if *got == alert), "{end}");
        assert_eq!(down.down().await, Some(0));
    } else {
        assert_eq!(down.down().await, None);
    }
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

/// Over TCP a dial comes through only once the hub has accepted the caller.
async fn is_refused_by_tcp(city: &City, hub_at: Timestamp, caller: Credentials, alert: u8) {
    let chain = certificates(&hub(), NodeKind::Hub, &city.ca);
    let credentials = Credentials::new(&hub(), &chain, city.trust(), clock_at(hub_at)).unwrap();
    let mut up = Side::new(true, credentials);
    let mut down = Side::new(false, caller);
    let error = down.endpoint.dialer.dial_by(up.record(), Carrier::Tcp).await.unwrap_err();
    assert_eq!(error.is_of_certificate(), alert != 44, "{error}");
    let DialError::Unreachable { attempts, .. } = error else { panic!("{error}") };
    let [(_, Attempt::Tcp(error))] = attempts.as_slice() else { panic!("{attempts:?}") };
    let end = end::of_tls(error);
    assert!(matches!(&end, LinkEnd::Certificate { alert: got, .. } if *got == alert), "{error}");
    assert_eq!(down.down().await, None);
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn a_certificate_of_a_foreign_ca_is_refused() {
    let city = City::new();
    let foreign = key(99);
    let ca = make_ca(&foreign, "Thành phố").unwrap();
    let chain = issue(&foreign, &ca, &node().public(), NodeKind::Node, NOW, 90).unwrap();
    let caller = Credentials::new(&node(), &chain, city.trust(), clock_at(NOW)).unwrap();
    is_refused(&city, NOW, caller, 48).await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused() {
    let city = City::new();
    // Under the name of the city's CA, to be thorough.
    let chain = vec![make_ca(&node(), "Thành phố").unwrap()];
    let caller = Credentials::new(&node(), &chain, city.trust(), clock_at(NOW)).unwrap();
    is_refused(&city, NOW, caller, 49).await;
}

#[tokio::test]
async fn a_certificate_is_refused_from_its_end_on_by_the_hubs_clock() {
    let city = City::new();
    let caller = city.credentials(&node(), NodeKind::Node);
    is_refused(&city, Timestamp(NOW.0 + 91 * DAY), caller, 45).await;
}

#[tokio::test]
async fn machines_beside_each_other_go_on_although_nobody_could_renew_their_certificates() {
    let city = City::new();
    let late = clock_at(Timestamp(NOW.0 + 400 * DAY));
    let chain = certificates(&hub(), NodeKind::Node, &city.ca);
    let one = Credentials::new(&hub(), &chain, city.trust(), late).unwrap();
    let mut one = Side::new(true, one.beside());
    let two = Side::new(false, city.credentials(&node(), NodeKind::Node).beside());
    let address = one.endpoint.local_addr().unwrap().to_string();
    let (key, _ended) = two.endpoint.dial_beside(&address).await.unwrap();
    assert_eq!(key, hub().public());
    assert_eq!(one.up().await.1, node().public());
}

#[tokio::test]
async fn a_denied_machine_is_refused_as_soon_as_the_list_is_adopted() {
    let city = City::new();
    let (mut up, mut down, _from_hub, _from_node, _dialed) = linked(&city).await;
    let trust = city.trust();
    let chain = certificates(&hub(), NodeKind::Hub, &city.ca);
    let credentials = Credentials::new(&hub(), &chain, trust.clone(), clock_at(NOW)).unwrap();
    let mut second = Side::new(true, credentials);
    let mut view = trust.get();
    view.adopt_denial(denial(2, &[node().public()])).unwrap();
    trust.set(view);
    let dialed = down.endpoint.dial(second.record()).await.unwrap();
    let (_link, _peer, _dialed, _writer) = down.up().await;
    assert!(matches!(end(dialed).await, LinkEnd::Certificate { alert: 44, .. }));
    assert_eq!(down.down().await, Some(1));
    second.endpoint.close().await;
    assert!(second.heard_nothing() && up.heard_nothing());
}

#[tokio::test]
async fn clocks_at_1970_and_in_the_far_future_do_not_keep_a_node_out() {
    let city = City::new();
    for (hub_at, node_at) in [(Timestamp(0), NOW), (NOW, Timestamp(NOW.0 * 4)), (NOW, Timestamp(0))]
    {
        let chain = |device: &SecretKey, kind| certificates(device, kind, &city.ca);
        let hub_side =
            Credentials::new(&hub(), &chain(&hub(), NodeKind::Hub), city.trust(), clock_at(hub_at));
        let node_side = Credentials::new(
            &node(),
            &chain(&node(), NodeKind::Node),
            city.trust(),
            clock_at(node_at),
        );
        let mut up = Side::new(true, hub_side.unwrap());
        let down = Side::new(false, node_side.unwrap());
        let _dialed = down.endpoint.dial(up.record()).await.unwrap();
        assert_eq!(up.up().await.1, node().public());
    }
}

#[tokio::test]
async fn without_a_client_certificate_nobody_gets_past_the_handshake() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let mut config = tls::recovery_client(Some(hub().public())).unwrap();
    config.alpn_protocols = vec![tls::DATA_ALPN.to_vec()];
    let remote = up.endpoint.local_addr().unwrap();
    let (_endpoint, connection) = raw_dial(config, remote).await;
    let connection = connection.unwrap();
    // The streams are opened and written to at once, ahead of the hub's verdict.
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    let _ = send.write_all(&[0, 1, 0, 0, 0, 9]).await;
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    let _ = send.write_all(&[1, 1, 0, 0, 0, 9]).await;
    let closed = timeout(SOON, connection.closed()).await.unwrap();
    assert!(matches!(LinkEnd::of(&closed), LinkEnd::Certificate { alert: 116, .. }), "{closed}");
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn another_alpn_is_refused() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let remote = up.endpoint.local_addr().unwrap();
    let config = tls::recovery_client(Some(hub().public())).unwrap();
    let (_endpoint, connection) = raw_dial(config, remote).await;
    assert!(connection.is_err());
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn a_hub_with_another_key_is_refused_by_the_dialler() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&key(77), NodeKind::Hub));
    let mut down = Side::new(false, city.credentials(&node(), NodeKind::Node));
    let error = down.endpoint.dial(up.record()).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { .. }), "{error}");
    assert_eq!(down.down().await, None);
    up.endpoint.close().await;
    assert!(up.heard_nothing() && down.heard_nothing());
}
