import Testing

@testable import RedisClient

@Suite struct CommandFormatterTests {
    @Test func append_mixedWords_isRESP() {
        var formatter = CommandFormatter()
        var output: [UInt8] = []
        formatter.append(["SET", .bytes([0x00, 0x0A]), .text(""), 42], to: &output)
        formatter.append(["PING"], to: &output)
        let expected = "*4\r\n$3\r\nSET\r\n$2\r\n\u{0}\n\r\n$0\r\n\r\n$2\r\n42\r\n*1\r\n$4\r\nPING\r\n"
        #expect(output == Array(expected.utf8))
    }
}
