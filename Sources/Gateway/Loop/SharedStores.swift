import SharedState

/// What one loop of a gateway reaches the shared state through.
public struct SharedStores {
    public let rooms: any RoomStore
    public let pools: any PoolBoard

    public init(rooms: any RoomStore, pools: any PoolBoard) {
        self.rooms = rooms
        self.pools = pools
    }
}
