/// A content coding of a body, though pages are asked for as they are (RFC 9110 section 8.4): it is not decoded here.
struct PageCoding: Equatable, Sendable {
    struct Complaint: Equatable, Sendable {
        var words: String
        /// The body is not what its head says: no browser could read it either.
        var isWrong: Bool
    }

    /// In lower case, as the head says it.
    let name: String

    /// nil where the body is as it is, or there is none.
    init?(_ response: PageResponse) {
        let names = response.fields.filter { $0.name == "content-encoding" }.map { $0.value.lowercased() }
        let name = names.joined(separator: ", ")
        guard response.bodyBytes > 0, !["", "identity"].contains(name) else { return nil }
        self.name = name
    }

    func complaint(of response: PageResponse) -> Complaint {
        let isOdd = self.firstBytes.map { !response.body.isEmpty && !response.body.starts(with: $0) } ?? false
        let words =
            isOdd
            ? "its content could not be read: it is said to be \(self.name), and is not"
            : "its content could not be read: it comes as \(self.name), though it is asked for as it is"
        return Complaint(words: words, isWrong: isOdd)
    }

    /// With which every body of that coding begins; nil where none does.
    private var firstBytes: [UInt8]? {
        switch self.name {
        // RFC 1952 section 2.3.1: deflate is the only method.
        case "gzip", "x-gzip": [0x1F, 0x8B, 8]
        // RFC 8878 section 3.1.1.
        case "zstd": [0x28, 0xB5, 0x2F, 0xFD]
        default: nil
        }
    }
}
