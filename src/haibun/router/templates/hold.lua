-- Holds a request while its app is starting: looks again every few milliseconds, at most ${boot_seconds} s.
-- The app's place is looked up anew each time, so a request can never wake up in another app's slot.
local hosts = Map.new("$folder/hosts.map", Map._str)
local owners = Map.new("$folder/owners.map", Map._str)

local function slot_of(host)
    return hosts:lookup(host) or hosts:lookup((host:gsub("^[^.]*", "*", 1)))
end

core.register_action("hold", { "http-req" }, function(txn)
    local host = txn:get_var("txn.host")
    local deadline = core.now().sec + $boot_seconds
    local wait = 10
    while true do
        local slot = slot_of(host)
        local owner = slot and owners:lookup(slot)
        if not owner then
            txn:unset_var("txn.owner")
            return
        end
        if not owner:match("/starting$$") then
            txn:set_var("txn.slot", slot)
            txn:set_var("txn.owner", owner)
            return
        end
        if core.now().sec >= deadline then
            txn:set_var("txn.owner", owner:gsub("/starting$$", "/boot_timeout"))
            return
        end
        core.msleep(wait)
        wait = math.min(wait + 5, 100)
    end
end, 0)
