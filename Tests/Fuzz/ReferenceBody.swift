/// The framing of a body once more, in the plainest way, and strictly as the gateway writes it.
enum ReferenceBody: Equatable {
    /// The body is whole, and nothing comes behind it.
    case complete([UInt8])
    case incomplete
    case failed(String)

    /// - Parameter fields: of the head, as `name=value`.
    static func decode(_ bytes: ArraySlice<UInt8>, fields: [String]) -> ReferenceBody {
        let lengths = self.values("content-length", fields)
        let codings = self.values("transfer-encoding", fields)
        guard lengths.count + codings.count <= 1 else { return .failed("two framings") }
        if let coding = codings.first { return coding == "chunked" ? self.chunks(bytes) : .failed("coding \(coding)") }
        guard let count = lengths.isEmpty ? 0 : Int(lengths[0]) else { return .failed("length \(lengths[0])") }
        if bytes.count > count { return .failed("bytes behind the body") }
        return bytes.count < count ? .incomplete : .complete(Array(bytes))
    }

    static func values(_ name: String, _ fields: [String]) -> [String] {
        fields.filter { $0.lowercased().hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    private static func chunks(_ bytes: ArraySlice<UInt8>) -> ReferenceBody {
        var rest = bytes
        var payload: [UInt8] = []
        while true {
            guard let line = self.takeLine(&rest) else { return .incomplete }
            guard let count = Int(line, radix: 16), !line.hasPrefix("+"), !line.hasPrefix("-") else {
                return .failed("chunk size \(line)")
            }
            if count == 0 { break }
            guard rest.count >= count + 2 else { return .incomplete }
            payload += rest.prefix(count)
            rest = rest.dropFirst(count)
            guard rest.starts(with: [13, 10]) else { return .failed("no line end behind a chunk") }
            rest = rest.dropFirst(2)
        }
        while true {
            guard let line = self.takeLine(&rest) else { return .incomplete }
            if line.isEmpty { return rest.isEmpty ? .complete(payload) : .failed("bytes behind the body") }
            let name = String(line.prefix { $0 != ":" })
            let mayTravel = [
                "grpc-status", "grpc-message", "grpc-status-details-bin", "server-timing", "content-digest",
                "repr-digest", "digest", "etag",
            ]
            guard mayTravel.contains(name), line.dropFirst(name.count).hasPrefix(": ") else {
                return .failed("trailer \(line)")
            }
        }
    }

    /// What a server that knows the bare grammar makes of a chunked body that somebody else wrote: the payload, or nil
    /// when it is not whole or makes no sense.
    static func payload(ofChunks bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = bytes
        var payload: [UInt8] = []
        while true {
            guard let line = self.takeLine(&rest) else { return nil }
            let digits = line.prefix { $0.isHexDigit && $0.isASCII }
            let isEnd = line.dropFirst(digits.count).allSatisfy { $0 == " " || $0 == "\t" }
            let hasExtension = line.dropFirst(digits.count).drop { $0 == " " || $0 == "\t" }.first == ";"
            guard let count = Int(digits, radix: 16), isEnd || hasExtension else { return nil }
            if count == 0 { break }
            guard rest.count >= count + 2 else { return nil }
            payload += rest.prefix(count)
            rest = rest.dropFirst(count)
            guard rest.starts(with: [13, 10]) else { return nil }
            rest = rest.dropFirst(2)
        }
        while let line = self.takeLine(&rest) { if line.isEmpty { return payload } }
        return nil
    }

    private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard let lineFeed = rest.firstIndex(of: 10), lineFeed > rest.startIndex, rest[lineFeed - 1] == 13 else {
            return nil
        }
        let line = String(decoding: rest[..<(lineFeed - 1)], as: UTF8.self)
        rest = rest[(lineFeed + 1)...]
        return line
    }
}
