/// The rules of the response head once more, in the plainest way: split lines, look at each byte, no limits.
enum ReferenceResponse: Equatable {
    case complete(_ status: UInt16, _ fields: [String], _ byteCount: Int)
    case incomplete, failed

    static func parse(_ bytes: [UInt8]) -> ReferenceResponse {
        var rest = bytes[...]
        if let first = rest.first, first != UInt8(ascii: "H") { return .failed }
        guard let startLine = ReferenceRequest.takeLine(&rest) else { return .incomplete }
        guard let line = startLine, let status = self.status(line) else { return .failed }
        var fields: [(name: String, value: [UInt8])] = []
        while true {
            guard let finished = ReferenceRequest.takeLine(&rest) else { return .incomplete }
            guard let line = finished else { return .failed }
            if line.isEmpty { break }
            guard let field = ReferenceRequest.field(line) else { return .failed }
            fields.append(field)
        }
        guard ReferenceRequest.framingAgrees(fields, isOld: line[7] == UInt8(ascii: "0")) else { return .failed }
        let texts = fields.map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
        return .complete(status, texts, bytes.count - rest.count)
    }

    private static func status(_ line: [UInt8]) -> UInt16? {
        guard line.count >= 12, line.starts(with: "HTTP/1.".utf8), (48...57).contains(line[7]), line[8] == 32 else {
            return nil
        }
        let digits = line[9..<12]
        guard digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        guard let status = UInt16(String(decoding: digits, as: UTF8.self)), (100...599).contains(status) else {
            return nil
        }
        let reason = line[12...]
        guard reason.isEmpty || reason.first == 32 else { return nil }
        return reason.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 } ? status : nil
    }
}
