import Primitives
import Testing

@Suite struct PercentCodingTests {
    @Test(
        arguments: [
            ("", ""), ("plain", "plain"), ("a%40b", "a@b"), ("%e2%82%AC", "€"), ("%25", "%"), ("%2525", "%25"),
            ("+", "+"),
        ]
    )
    func decode_escapes_areBytes(text: String, expected: String) {
        #expect(PercentCoding.decodedText(text) == expected)
    }

    @Test(arguments: ["%", "a%", "%4", "%4g", "%g4", "%%41", "% 1", "%+1"])
    func decode_brokenEscape_isNil(text: String) { #expect(PercentCoding.decoded(text.utf8) == nil) }

    @Test func decode_notUTF8_isBytesButNoText() {
        #expect(PercentCoding.decoded("%ff".utf8) == [0xFF])
        #expect(PercentCoding.decodedText("%ff") == nil)
    }

    @Test func encode_whatMayNotStay_isEscapedAndReadBack() {
        let text = "a:b, c%\u{7f}€\n"
        let escaped = PercentCoding.encoded(text) { ASCII.isToken($0) }
        #expect(escaped == "a%3Ab%2C%20c%25%7F%E2%82%AC%0A")
        #expect(PercentCoding.decodedText(escaped) == text)
        #expect(PercentCoding.encoded("%", mayStay: { _ in true }) == "%25", "else it could not be told apart")
    }
}
