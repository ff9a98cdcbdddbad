import SharedState

/// What one loop of a gateway reaches the shared state through.
public struct SharedStores {
    public let rooms: any RoomStore
    public let pools: any PoolBoard
    /// Nil in a simulated world, where nobody reads journals.
    public let journal: (any RoomJournal)?
    /// Nil where no other process shares the state.
    public let tickets: (any TicketStore)?

    public init(
        rooms: any RoomStore,
        pools: any PoolBoard,
        journal: (any RoomJournal)? = nil,
        tickets: (any TicketStore)? = nil
    ) {
        self.rooms = rooms
        self.pools = pools
        self.journal = journal
        self.tickets = tickets
    }
}
