/// Whether a Cluster's map has to be asked for.
///
/// What is amiss is looked at anew with everything that happens. That the map is old is remembered until a map has been
/// read that was asked for afterwards: neither a node that becomes ready nor an answer that is none makes it new.
struct MapNeed {
    /// There is no map, a slot has no master, or a master cannot be reached.
    var isAmiss = true
    private var isOld = false
    private var isAsking = false

    var isWanted: Bool { self.isAmiss || self.isOld }
    var asksNow: Bool { self.isWanted && !self.isAsking }

    /// A server has said so, or a connection ended.
    mutating func outdated() { self.isOld = true }

    mutating func asked() {
        self.isAsking = true
        // Whatever makes it old from here on, the answer may not know of.
        self.isOld = false
    }

    mutating func answered(withMap hasMap: Bool) {
        self.isAsking = false
        if !hasMap { self.isOld = true }
    }
}
