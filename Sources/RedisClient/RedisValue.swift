/// One answer of Redis, or one element of an answer.
public enum RedisValue: Equatable, Sendable {
    /// A bulk string; any bytes.
    case bytes([UInt8])
    /// A short line such as `OK`.
    case status(String)
    case integer(Int64)
    case array([RedisValue])
    /// There is no such key or element.
    case null
    /// An error inside of an array. An error that is the whole answer arrives as `RedisError.refused`.
    case error(String)

    /// The text of a string or a status; bytes that are not UTF-8 are replaced. Nil for everything else.
    public var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let line): line
        case .integer, .array, .null, .error: nil
        }
    }

    /// An integer, also one that came as a string, which is how Redis stores them. Nil for everything else.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes, .status: self.text.flatMap { Int64($0) }
        case .array, .null, .error: nil
        }
    }

    public var array: [RedisValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    /// The elements of an array that holds integers only; nil for everything else.
    public var integers: [Int64]? {
        guard case .array(let values) = self else { return nil }
        var integers: [Int64] = []
        integers.reserveCapacity(values.count)
        for value in values {
            guard case .integer(let integer) = value else { return nil }
            integers.append(integer)
        }
        return integers
    }

    /// The elements of an array of strings, such as the answer to `HGETALL`; nil for everything else.
    public var texts: [String]? {
        guard case .array(let values) = self else { return nil }
        var texts: [String] = []
        texts.reserveCapacity(values.count)
        for value in values {
            guard let text = value.text else { return nil }
            texts.append(text)
        }
        return texts
    }
}
