/// An answer of `room.lua`, whatever client read it: names and values in turn.
public indirect enum RoomReply: Equatable, Sendable {
    case integer(Int64)
    case text(String)
    case list([RoomReply])
}

/// The values of a reply by name. The order is free and unknown names are passed over, so that scripts of neighbouring
/// versions understand each other.
struct NamedValues {
    private let operation: String
    private var values: [String: RoomReply] = [:]

    init(_ reply: RoomReply, of operation: String) throws(RoomError) {
        self.operation = operation
        guard case .list(let elements) = reply, elements.count % 2 == 0 else { throw Self.strange(operation, reply) }
        for index in stride(from: 0, to: elements.count, by: 2) {
            guard case .text(let name) = elements[index] else { throw Self.strange(operation, elements[index]) }
            self.values[name] = elements[index + 1]
        }
    }

    func integer(_ name: String, default missing: Int64? = nil) throws(RoomError) -> Int64 {
        switch self.values[name] {
        case .integer(let value): return value
        case .text(let text): if let value = Int64(text) { return value }
        case nil: if let missing { return missing }
        case .list: break
        }
        throw self.lacks(name)
    }

    func integer(_ name: String, in range: ClosedRange<Int64>) throws(RoomError) -> Int64 {
        let value = try self.integer(name)
        guard range.contains(value) else { throw self.lacks(name) }
        return value
    }

    func text(_ name: String) throws(RoomError) -> String {
        switch self.values[name] {
        case .text(let text): return text
        case .integer(let value): return String(value)
        case nil: return ""
        case .list: throw self.lacks(name)
        }
    }

    func integers(_ name: String, count: Int? = nil) throws(RoomError) -> [Int64] {
        guard case .list(let elements)? = self.values[name] else { throw self.lacks(name) }
        var list: [Int64] = []
        list.reserveCapacity(elements.count)
        for element in elements {
            guard case .integer(let value) = element else { throw self.lacks(name) }
            list.append(value)
        }
        guard count == nil || count == list.count else { throw self.lacks(name) }
        return list
    }

    func lacks(_ name: String) -> RoomError {
        .refused("\(self.operation) answered no usable `\(name)`: is room.lua of this version loaded?")
    }

    private static func strange(_ operation: String, _ reply: RoomReply) -> RoomError {
        .refused("\(operation) answered something else than names and values: \(reply)")
    }
}
