/// Commands from words to bytes: appends to memory that is used again, and allocates nothing itself. Hiredis's formatter
/// makes the same bytes (a test compares) in memory of its own for each command.
struct RequestWriter {
    /// What `.serverRun` stands for on this connection.
    var serverRun: Int64 = 0

    func append(_ request: RedisRequest, to output: inout [UInt8]) {
        switch request {
        case .words(let words):
            precondition(!words.isEmpty, "a command has at least its name")
            Self.head(UInt8(ascii: "*"), words.count, &output)
            for word in words { self.append(word, &output) }
        case .script(_, let digest, let keys, .texts(let arguments)):
            Self.call(digest, keys, argumentCount: arguments.count, &output)
            for argument in arguments { Self.append(argument, &output) }
        case .script(_, let digest, let keys, .words(let arguments)):
            Self.call(digest, keys, argumentCount: arguments.count, &output)
            for argument in arguments { self.append(argument, &output) }
        }
    }

    private static func call(_ digest: String, _ keys: [String], argumentCount: Int, _ output: inout [UInt8]) {
        self.head(UInt8(ascii: "*"), 3 + keys.count + argumentCount, &output)
        self.append("EVALSHA", &output)
        self.append(digest, &output)
        self.append(Int64(keys.count), &output)
        for key in keys { self.append(key, &output) }
    }

    private func append(_ word: RedisArgument, _ output: inout [UInt8]) {
        switch word {
        case .text(let text): Self.append(text, &output)
        case .bytes(let bytes):
            Self.head(UInt8(ascii: "$"), bytes.count, &output)
            output.append(contentsOf: bytes)
            Self.end(&output)
        case .integer(let value): Self.append(value, &output)
        case .serverRun: Self.append(self.serverRun, &output)
        }
    }

    private static func append(_ text: String, _ output: inout [UInt8]) {
        self.head(UInt8(ascii: "$"), text.utf8.count, &output)
        output.append(contentsOf: text.utf8)
        self.end(&output)
    }

    private static func append(_ value: Int64, _ output: inout [UInt8]) {
        let length = self.digits(value.magnitude) + (value < 0 ? 1 : 0)
        self.head(UInt8(ascii: "$"), length, &output)
        if value < 0 { output.append(UInt8(ascii: "-")) }
        self.write(value.magnitude, &output)
        self.end(&output)
    }

    private static func head(_ sign: UInt8, _ count: Int, _ output: inout [UInt8]) {
        output.append(sign)
        self.write(UInt64(count), &output)
        self.end(&output)
    }

    private static func end(_ output: inout [UInt8]) {
        output.append(UInt8(ascii: "\r"))
        output.append(UInt8(ascii: "\n"))
    }

    private static func digits(_ value: UInt64) -> Int {
        var (rest, count) = (value / 10, 1)
        while rest > 0 {
            rest /= 10
            count += 1
        }
        return count
    }

    private static func write(_ value: UInt64, _ output: inout [UInt8]) {
        var divisor: UInt64 = 1
        for _ in 1..<self.digits(value) { divisor *= 10 }
        while divisor > 0 {
            output.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }
}
