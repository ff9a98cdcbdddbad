/// One field line. The name's case is the sender's; the value has no white space at its ends.
public struct Field: Sendable {
    public var name: ByteRange
    public var value: ByteRange
    public var id: FieldName

    @inlinable @inline(__always)
    public init(name: ByteRange, value: ByteRange, id: FieldName) {
        self.name = name
        self.value = value
        self.id = id
    }
}
