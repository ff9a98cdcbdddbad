import Primitives

/// What a place and a pass are tied to, so that one person's cookie does not serve fifty browsers.
public enum VisitorBinding: Hashable, Sendable {
    case none
    /// The client's network: so many leading bits of its address.
    case address(v4Bits: Int, v6Bits: Int)
    /// The value of a field that a trusted front sets, name in small letters.
    case header(String)
    /// The value of a cookie of the site, such as the one of a login.
    case cookie(String)

    public static let v4Bits = 24...32
    public static let v6Bits = 48...64
    static let maxNameBytes = 64

    /// A number of the rule, to be kept in what is bound by it: after a change of the rule it tells what was bound
    /// before. Names are told apart by 51 values each: two that meet look like one rule.
    public var ruleNumber: UInt8 {
        switch self {
        case .none: 0
        case .address(let v4Bits, let v6Bits):
            UInt8(1 + (v4Bits - Self.v4Bits.lowerBound) * Self.v6Bits.count + v6Bits - Self.v6Bits.lowerBound)
        case .header(let name): UInt8(154 + FNV1a.hash64(name.utf8) % 51)
        case .cookie(let name): UInt8(205 + FNV1a.hash64(name.utf8) % 51)
        }
    }
}

/// The value of `bind`: `none`, `address/V4/V6`, `header/NAME` or `cookie/NAME`.
enum BindingText {
    static func parse(_ text: String) throws(Refusal) -> VisitorBinding {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        switch (parts[0], parts.count) {
        case ("none", 1): return .none
        case ("address", 3):
            return .address(
                v4Bits: try self.bits(parts[1], VisitorBinding.v4Bits, "IPv4"),
                v6Bits: try self.bits(parts[2], VisitorBinding.v6Bits, "IPv6")
            )
        case ("header", 2): return .header(try self.name(parts[1]).lowercased())
        case ("cookie", 2): return .cookie(try self.name(parts[1]))
        case ("address", _): throw Refusal("which needs two lengths of prefix, as in address/24/56")
        case ("header", _), ("cookie", _): throw Refusal("which needs one name, as in \(parts[0])/x-account")
        default:
            let words = ["none", "address", "header", "cookie"]
            throw Refusal(NearestWord.of(String(parts[0]), among: words).map { "did you mean \($0)?" } ?? "")
        }
    }

    static func format(_ binding: VisitorBinding) -> String {
        switch binding {
        case .none: "none"
        case .address(let v4Bits, let v6Bits): "address/\(v4Bits)/\(v6Bits)"
        case .header(let name): "header/\(name)"
        case .cookie(let name): "cookie/\(name)"
        }
    }

    private static func bits(_ text: Substring, _ range: ClosedRange<Int>, _ kind: String) throws(Refusal) -> Int {
        guard let bits = Int(text), "\(bits)" == text, range.contains(bits) else {
            throw Refusal("whose \(kind) prefix is not \(range.lowerBound) to \(range.upperBound)")
        }
        return bits
    }

    /// A token of RFC 9110, section 5.6.2; names of the room's own cookies and of fields that say something else are
    /// refused, because they never tell who asks.
    private static func name(_ text: Substring) throws(Refusal) -> String {
        let marks = Array("!#$%&'*+-.^_`|~".utf8)
        let isToken = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: marks.contains(byte)
            }
        }
        guard isToken, (1...VisitorBinding.maxNameBytes).contains(text.utf8.count) else {
            throw Refusal("whose name is not 1 to \(VisitorBinding.maxNameBytes) letters, digits and -._~")
        }
        let lower = text.lowercased()
        guard !["cookie", "host"].contains(lower), !lower.hasPrefix("sluice-"), !lower.hasPrefix("__host-sluice-")
        else {
            throw Refusal("whose name tells nothing about who asks")
        }
        return String(text)
    }
}

extension ValueKind where Value == VisitorBinding {
    static var binding: Self {
        .scalar(
            "none, address/V4/V6 with the bits of the prefixes (24 to 32, 48 to 64), header/NAME or cookie/NAME",
            brief: "none, address/V4/V6, header/NAME or cookie/NAME",
            write: BindingText.format,
            parse: BindingText.parse
        )
    }
}

/// What one visitor, that is one number of a room, may use of one gateway at once. 0 is no limit.
public struct VisitorLimitSettings: Equatable, Sendable {
    /// Requests under way.
    public var requests = 16
    /// Connections that carry the pass.
    public var connections = 0

    public init() {}
}

extension VisitorLimitSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("requests", \.requests, .count(0...10_000), .live),
            .value("connections", \.connections, .count(0...10_000), .live),
        ]
    }
}
