import Testing

@testable import Gateway

@Suite struct ClientCertificateFieldTests {
    /// The vectors of RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func line_ofBytes_isAByteSequence(bytes: String, text: String) {
        let line = ClientCertificateField.line(Array(bytes.utf8))
        #expect(String(decoding: line, as: UTF8.self) == "client-cert: :\(text):\r\n")
    }

    @Test func line_highBytes_useTheLastDigits() {
        #expect(String(decoding: ClientCertificateField.line([0xFB, 0xFF, 0xBF]), as: UTF8.self).contains(":+/+/:"))
    }
}
