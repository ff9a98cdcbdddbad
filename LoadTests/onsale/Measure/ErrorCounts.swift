/// How often each kind of error was met.
struct ErrorCounts: Equatable, Sendable {
    private var counts = [Int](repeating: 0, count: ErrorKind.allCases.count)

    private static func index(_ kind: ErrorKind) -> Int {
        switch kind {
        case .refused: 0
        case .connectTimedOut: 1
        case .broken: 2
        case .answerTimedOut: 3
        case .gatewayError: 4
        case .workerError: 5
        case .unsignedError: 6
        case .rejected: 7
        case .badAnswer: 8
        case .foreignPage: 9
        case .crowdedOut: 10
        case .toolLimit: 11
        case .failedCheck: 12
        case .missingAsset: 13
        case .sentElsewhere: 14
        case .oversizedHead: 15
        case .endlessRedirect: 16
        case .siteError: 17
        }
    }

    subscript(_ kind: ErrorKind) -> Int {
        get { self.counts[Self.index(kind)] }
        set { self.counts[Self.index(kind)] = newValue }
    }

    var total: Int { self.counts.reduce(0, +) }

    /// Kinds that were met, most frequent first.
    var met: [(kind: ErrorKind, count: Int)] {
        ErrorKind.allCases.map { ($0, self[$0]) }.filter { $0.1 > 0 }.sorted { $0.1 > $1.1 }
    }

    mutating func merge(_ other: ErrorCounts) {
        for index in self.counts.indices { self.counts[index] += other.counts[index] }
    }
}

/// In JSON: an object of the kinds that were met, by name.
extension ErrorCounts: Codable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(intValue: Int) { return nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init(_ kind: ErrorKind) { self.stringValue = kind.rawValue }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for key in container.allKeys {
            guard let kind = ErrorKind(rawValue: key.stringValue) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key,
                    in: container,
                    debugDescription: "unknown kind of error; known are \(ErrorKind.allCases.map(\.rawValue))"
                )
            }
            self[kind] = try container.decode(Int.self, forKey: key)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (kind, count) in self.met { try container.encode(count, forKey: Name(kind)) }
    }
}
