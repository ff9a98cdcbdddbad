/// The rules of the request head once more, in the plainest way: split lines, look at each byte, no limits.
///
/// It exists to be compared with `RequestParser`, which finds the same in words of eight bytes.
enum ReferenceRequest: Equatable {
    case complete(_ target: String, _ fields: [String], _ byteCount: Int)
    case incomplete, failed

    static func parse(_ bytes: [UInt8]) -> ReferenceRequest {
        var rest = bytes[...]
        for _ in 0..<2 where rest.starts(with: [13, 10]) { rest = rest.dropFirst(2) }
        let mayBeEmptyLine = rest == [13] && bytes.count < 5
        if let first = rest.first, !self.isToken(first), !mayBeEmptyLine { return .failed }
        guard let startLine = self.takeLine(&rest) else { return .incomplete }
        guard let target = startLine.flatMap(self.target) else { return .failed }
        let isOld = startLine?.last == UInt8(ascii: "0")
        var fields: [(name: String, value: [UInt8])] = []
        while true {
            guard let finished = self.takeLine(&rest) else { return .incomplete }
            guard let line = finished else { return .failed }
            if line.isEmpty { break }
            guard let field = self.field(line) else { return .failed }
            fields.append(field)
        }
        guard self.agree(fields, isOld: isOld) else { return .failed }
        let texts = fields.map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
        return .complete(target, texts, bytes.count - rest.count)
    }

    /// The next line without its end: nil when it is unfinished, `.some(nil)` when its end or a CR in it is wrong.
    static func takeLine(_ rest: inout ArraySlice<UInt8>) -> [UInt8]?? {
        guard let lineFeed = rest.firstIndex(of: 10) else { return nil }
        let line = rest[..<lineFeed]
        rest = rest[(lineFeed + 1)...]
        guard line.last == 13, !line.dropLast().contains(13) else { return .some(nil) }
        return Array(line.dropLast())
    }

    private static func target(_ line: [UInt8]) -> String? {
        let parts = line.split(separator: 32, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(self.isToken) else { return nil }
        let method = String(decoding: parts[0], as: UTF8.self)
        let version = parts[2]
        guard version.count == 8, version.starts(with: "HTTP/1.".utf8), (48...57).contains(version.last!) else {
            return nil
        }
        let target = String(decoding: parts[1], as: UTF8.self)
        guard method != "CONNECT", parts[1].allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }) else {
            return nil
        }
        if target == "*" { return method == "OPTIONS" ? target : nil }
        if target.hasPrefix("/") { return target }
        for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
            let authority = target.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
            return self.isHost(Array(authority.utf8)) ? target : nil
        }
        return nil
    }

    static func field(_ line: [UInt8]) -> (String, [UInt8])? {
        guard let colon = line.firstIndex(of: 58), colon > 0, line[..<colon].allSatisfy(self.isToken) else {
            return nil
        }
        var value = line[(colon + 1)...]
        guard value.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 }) else { return nil }
        while let first = value.first, first == 32 || first == 9 { value = value.dropFirst() }
        while let last = value.last, last == 32 || last == 9 { value = value.dropLast() }
        return (String(decoding: line[..<colon], as: UTF8.self), Array(value))
    }

    private static func agree(_ fields: [(name: String, value: [UInt8])], isOld: Bool) -> Bool {
        func values(_ name: String) -> [[UInt8]] {
            fields.filter { $0.name.lowercased() == name }.map(\.value)
        }
        let hosts = values("host")
        guard hosts.count <= 1, hosts.count == 1 || isOld, hosts.allSatisfy(self.isHost) else { return false }
        return self.framingAgrees(fields, isOld: isOld)
    }

    static func framingAgrees(_ fields: [(name: String, value: [UInt8])], isOld: Bool) -> Bool {
        func values(_ name: String) -> [[UInt8]] {
            fields.filter { $0.name.lowercased() == name }.map(\.value)
        }
        let lengths = values("content-length")
        let encodings = values("transfer-encoding")
        guard encodings.count <= 1, lengths.isEmpty || encodings.isEmpty else { return false }
        for length in lengths {
            guard !length.isEmpty, length.allSatisfy({ (48...57).contains($0) }) else { return false }
            // Far from the largest Int64: a thousandth of it may have one more digit behind it.
            let digits = length.drop { $0 == 48 }
            guard digits.count <= 18, (Int64(String(decoding: digits, as: UTF8.self)) ?? 0) / 10 <= .max / 1_000 else {
                return false
            }
        }
        guard Set(lengths.map { Int(String(decoding: $0, as: UTF8.self)) }).count <= 1 else { return false }
        for encoding in encodings {
            guard !isOld, String(decoding: encoding, as: UTF8.self).lowercased() == "chunked" else { return false }
        }
        return true
    }

    private static func isHost(_ host: [UInt8]) -> Bool {
        var rest = host[...]
        if rest.first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")), close > 2, close <= 46 else { return false }
            guard rest[1..<close].allSatisfy({ "0123456789abcdefABCDEF:.".utf8.contains($0) }) else { return false }
            rest = rest[(close + 1)...]
        } else {
            let name = rest.prefix { $0 < 128 && (self.isAlphanumeric($0) || "-._~".utf8.contains($0)) }
            if name.isEmpty || name.elementsEqual(".".utf8) || name.suffix(2).elementsEqual("..".utf8) { return false }
            rest = rest[name.endIndex...]
        }
        if rest.isEmpty { return true }
        return rest.first == 58 && rest.count <= 6 && rest.dropFirst().allSatisfy { (48...57).contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        self.isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
