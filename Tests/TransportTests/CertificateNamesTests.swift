import Testing

@testable import Transport

@Suite struct CertificateNamesTests {
    private let names = CertificateNames([
        ["first.test"], ["*.shop.test", "shop.test"], ["vip.shop.test", "SHOP.test"], [], ["*.test"],
    ])

    @Test(
        arguments: [
            ("first.test", 0), ("shop.test", 1), ("a.shop.test", 1), ("A.Shop.TEST", 1), ("a.shop.test.", 1),
            // A whole name before a wildcard, wherever it stands.
            ("vip.shop.test", 2), ("other.test", 4),
            // One label, and not none.
            ("a.b.shop.test", nil), (".shop.test", nil), ("test", nil), ("", nil), (".", nil), ("*.example", nil),
        ] as [(String, Int?)]
    )
    func certificate_forAName_isTheOneThatFits(name: String, index: Int?) {
        #expect(self.names.certificate(for: name) == index)
    }
}

@Suite struct OCSPSpanTests {
    @Test func staple_outOfItsTime_isNotShown() {
        let span = OCSPStaple.Span(notBefore: 1_000, notAfter: 2_000)
        #expect([699, 700, 1_000, 1_999, 2_000].map { span.holds(atSeconds: $0) } == [false, true, true, true, false])
        #expect(OCSPStaple.Span(notBefore: 1_000, notAfter: nil).holds(atSeconds: .max))
    }
}
