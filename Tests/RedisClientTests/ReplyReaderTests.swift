import Primitives
import Testing

@testable import RedisClient

@Suite struct ReplyReaderTests {
    private func read(_ text: String, maxReplyBytes: Int = 1 << 20) throws -> [RedisValue] {
        let reader = ReplyReader(maxReplyBytes: maxReplyBytes)
        try Array(text.utf8).withUnsafeBytes { try reader.feed($0) }
        var values: [RedisValue] = []
        while let value = try reader.next() { values.append(value) }
        return values
    }

    @Test func read_eachKind_isBuilt() throws {
        let values = try self.read("+OK\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*0\r\n-ERR no\r\n$0\r\n\r\n")
        #expect(
            values == [
                .status("OK"), .integer(-7), .bytes([0x61, 0x0D, 0x0A]), .null, .null, .array([]), .error("ERR no"),
                .bytes([]),
            ]
        )
    }

    @Test func read_nestedArrays_keepTheirShape() throws {
        let values = try self.read("*3\r\n*2\r\n:1\r\n*0\r\n$1\r\nx\r\n*1\r\n*1\r\n-E\r\n:9\r\n")
        let nested: RedisValue = .array([
            .array([.integer(1), .array([])]), .bytes([0x78]), .array([.array([.error("E")])]),
        ])
        #expect(values == [nested, .integer(9)])
    }

    /// However the network cuts the stream, the values are the same.
    @Test(arguments: [1, 2, 3, 0xBEEF] as [UInt64])
    func read_anyCuts_giveTheSameValues(seed: UInt64) throws {
        let text = "*2\r\n$5\r\nhello\r\n*3\r\n:1\r\n:22\r\n:-333\r\n+PONG\r\n$-1\r\n-NOSCRIPT No matching script.\r\n"
        let whole = try self.read(text)
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let reader = ReplyReader(maxReplyBytes: 1 << 20)
            var rest = Array(text.utf8)[...]
            var values: [RedisValue] = []
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...8, using: &random))
                rest = rest.dropFirst(piece.count)
                try piece.withUnsafeBytes { try reader.feed($0) }
                while let value = try reader.next() { values.append(value) }
            }
            #expect(values == whole, "seed \(seed)")
        }
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", ":12x\r\n", "$x\r\n", "*99999999999\r\n", "*2000000\r\n"])
    func read_malformed_fails(text: String) {
        #expect(throws: ReplyReader.Failure.self) { try self.read(text) }
    }

    @Test func read_claimedButAbsentElements_allocateNothingMuch() throws {
        #expect(try self.read("*1000000\r\n:1\r\n").isEmpty)
    }

    @Test func read_answerOverTheLimit_fails() {
        let text = "$100000\r\n" + String(repeating: "x", count: 50_000)
        #expect(throws: ReplyReader.Failure.self) { try self.read(text, maxReplyBytes: 10_000) }
    }

    @Test func read_eightLevels_failsAndSevenDoNot() throws {
        let seven = String(repeating: "*1\r\n", count: 7) + ":1\r\n"
        #expect(try self.read(seven).count == 1)
        #expect(throws: ReplyReader.Failure.self) { try self.read(String(repeating: "*1\r\n", count: 12) + ":1\r\n") }
    }

    /// Random bytes are refused or wait for more; they never trap.
    @Test(arguments: [11, 12, 13] as [UInt64])
    func read_randomBytes_neverTraps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("*$:+-0123456789\r\nab".utf8)
        for _ in 0..<5_000 {
            let count = Int.random(in: 1...40, using: &random)
            let bytes = (0..<count).map { _ in alphabet.randomElement(using: &random)! }
            _ = try? self.read(String(decoding: bytes, as: UTF8.self))
        }
    }
}
