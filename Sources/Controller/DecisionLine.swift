import Decisions
import Foundation
import Scaling

/// Records of a journal of decisions as lines of JSON.
///
/// Each ends with a sum over what stands before it, so that half a line, as a crash or a full disk leaves it, and one that
/// was changed are told from whole ones.
public enum DecisionLine {
    /// Raised when lines of newer versions would be misread.
    static let version = 1

    public struct Damage: Error, CustomStringConvertible {
        public let description: String
    }

    private struct HeadLine: Codable {
        var head: DecisionHead
        var version: Int
    }

    public enum Content {
        case head(DecisionHead)
        case entry(DecisionLineContent)
    }

    // MARK: Writing

    static func bytes(_ head: DecisionHead) throws -> [UInt8] {
        try self.sealed(HeadLine(head: head, version: self.version))
    }

    static func bytes(_ entry: DecisionEntry, withLimits: Bool) throws -> [UInt8] {
        try self.sealed(DecisionLineContent(entry, withLimits: withLimits))
    }

    private static func sealed(_ content: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        // The sum stands in the same object, in place of its end.
        let body = Array(try encoder.encode(content).dropLast())
        return body + Self.seal + Self.sum(body) + Self.end + [UInt8(ascii: "\n")]
    }

    private static let seal = Array(#","sum":""#.utf8)
    private static let end = Array(#""}"#.utf8)
    private static let sumDigits = 16
    /// What a head begins with, and nothing else.
    static let headStart = Array(#"{"head":"#.utf8)

    /// FNV-1a of 64 bits, in hexadecimal digits.
    private static func sum(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes {
            hash ^= UInt64(byte)
            hash &*= 0x100_0000_01B3
        }
        let digits = String(hash, radix: 16)
        return Array((String(repeating: "0", count: self.sumDigits - digits.count) + digits).utf8)
    }

    // MARK: Reading

    /// It ends as a line of a journal of decisions does, whatever stands before.
    static func isSealed(_ line: [UInt8]) -> Bool {
        let tail = line.suffix(Self.seal.count + Self.sumDigits + Self.end.count)
        return tail.starts(with: Self.seal) && tail.suffix(Self.end.count).elementsEqual(Self.end)
    }

    /// `line` is without its end.
    public static func parse(_ line: [UInt8]) throws(Damage) -> Content {
        let tail = Self.seal.count + Self.sumDigits + Self.end.count
        guard line.count > tail else { throw Damage(description: "it is no whole line of a journal of decisions") }
        let body = line.dropLast(tail)
        let seal = Self.seal + Self.sum(body) + Self.end
        guard line.suffix(tail).elementsEqual(seal) else {
            throw Damage(
                description: Self.isSealed(line)
                    ? "it is not as it was written: its sum does not match"
                    : "it is no whole line of a journal of decisions"
            )
        }
        return try self.decode(Data(body + [UInt8(ascii: "}")]))
    }

    private static func decode(_ json: Data) throws(Damage) -> Content {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        do {
            guard json.starts(with: Self.headStart) else {
                return .entry(try decoder.decode(DecisionLineContent.self, from: json))
            }
            return .head(try decoder.decode(HeadLine.self, from: json).head)
        } catch {
            throw Damage(
                description:
                    "it was written by another version of Sluice, which this one cannot read (\(Self.words(error))); "
                    + "use the one that wrote it"
            )
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .keyNotFound(let key, _): "there is no \(key.stringValue)"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            (context.codingPath.map(\.stringValue) + [context.debugDescription]).joined(separator: ": ")
        case nil: "\(error)"
        @unknown default: "\(error)"
        }
    }
}
